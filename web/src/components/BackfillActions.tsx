import { useState } from "react";
import { useMutation } from "urql";
import { useAct } from "../hooks/useAct";
import {
  CancelBackfillMutation,
  PauseBackfillMutation,
  ResumeBackfillMutation,
} from "../services/backfillDocuments";
import { type Backfill, backfillActions } from "../services/backfills";
import { refusalText } from "../services/problem";
import { reasonInput } from "../services/reason";
import styles from "./BackfillTable.module.css";
import { FormDialog } from "./FormDialog";
import { CheckField, ReasonField } from "./FormFields";
import { Notice } from "./Notice";

interface BackfillActionsProps {
  backfill: Backfill;
  /** onChange is called after a change that was asked for here. */
  onChange: () => void;
}

/** BackfillActions are the buttons that steer a backfill as it stands. */
export function BackfillActions({ backfill, onChange }: BackfillActionsProps) {
  const [cancelling, setCancelling] = useState(false);
  const { busy, problem, act } = useAct();
  const [, askPause] = useMutation(PauseBackfillMutation);
  const [, askResume] = useMutation(ResumeBackfillMutation);
  const { canPause, canResume, canCancel } = backfillActions(backfill);
  const { name } = backfill;
  const input = { id: backfill.id };
  const pause = async () => {
    const done = await act(async () => {
      const { data, error } = await askPause({ input });
      return refusalText(error, data?.pauseBackfill.userErrors);
    });
    if (done) onChange();
  };
  const resume = async () => {
    const done = await act(async () => {
      const { data, error } = await askResume({ input });
      return refusalText(error, data?.resumeBackfill.userErrors);
    });
    if (done) onChange();
  };
  return (
    <div>
      <div className={styles.actions}>
        {canPause ? (
          <button type="button" disabled={busy} aria-label={`Pause backfill ${name}`} onClick={pause}>
            Pause
          </button>
        ) : null}
        {canResume ? (
          <button
            type="button"
            data-variant="primary"
            disabled={busy}
            aria-label={`Resume backfill ${name}`}
            onClick={resume}
          >
            Resume
          </button>
        ) : null}
        {canCancel ? (
          <button
            type="button"
            data-variant="danger"
            disabled={busy}
            aria-label={`Cancel backfill ${name}`}
            onClick={() => setCancelling(true)}
          >
            Cancel …
          </button>
        ) : null}
      </div>
      {problem ? <Notice tone="error" title={problem} /> : null}
      {cancelling ? (
        <CancelBackfillDialog backfill={backfill} onDone={onChange} onClose={() => setCancelling(false)} />
      ) : null}
    </div>
  );
}

interface CancelBackfillDialogProps {
  backfill: Backfill;
  onDone: () => void;
  onClose: () => void;
}

/** CancelBackfillDialog asks whether a backfill shall end, and its runs with it. */
function CancelBackfillDialog({ backfill, onDone, onClose }: CancelBackfillDialogProps) {
  const [keepRuns, setKeepRuns] = useState(false);
  const [reason, setReason] = useState("");
  const [, cancel] = useMutation(CancelBackfillMutation);
  const { problem, act } = useAct();
  const submit = () =>
    act(async () => {
      const input = { id: backfill.id, keepRuns, ...reasonInput(reason) };
      const { data, error } = await cancel({ input });
      const refusal = refusalText(error, data?.cancelBackfill.userErrors);
      if (refusal === null) onDone();
      return refusal;
    });
  return (
    <FormDialog
      title={`Cancel backfill ${backfill.name}`}
      confirm="Cancel the backfill"
      danger
      problems={problem === null ? [] : [problem]}
      onSubmit={submit}
      onClose={onClose}
    >
      <p>It makes no more runs. This cannot be taken back: make a new backfill instead.</p>
      <CheckField
        label="Let its runs that are not over go on"
        help="Otherwise they are cancelled, too."
        on={keepRuns}
        onChange={setKeepRuns}
      />
      <ReasonField help="For the audit log." reason={reason} onChange={setReason} />
    </FormDialog>
  );
}
