import { useState } from "react";
import { useMutation } from "urql";
import type { RunSummaryFragment } from "../gql/graphql";
import { useAct } from "../hooks/useAct";
import { CancelMutation, PauseRunMutation, ResumeRunMutation } from "../services/mutations";
import { refusalText } from "../services/problem";
import { runActions } from "../services/runActions";
import { Notice } from "./Notice";
import { RetryDialog } from "./RerunDialogs";
import type { RunDetail } from "./RunHeader";

interface RunActionsProps {
  run: RunSummaryFragment;
  detail: RunDetail;
  onChange: (run: RunSummaryFragment) => void;
}

/** RunActions are the buttons that steer a run as it stands. */
export function RunActions({ run, detail, onChange }: RunActionsProps) {
  const [retrying, setRetrying] = useState(false);
  const { busy, problem, pause, resume, cancel } = useSteering(run, onChange);
  const { canPause, canResume, canCancel, canRetry } = runActions(run);
  return (
    <div>
      <div className="row">
        {canPause ? (
          <button type="button" disabled={busy} onClick={pause}>
            Pause the run
          </button>
        ) : null}
        {canResume ? (
          <button type="button" data-variant="primary" disabled={busy} onClick={resume}>
            Resume the run
          </button>
        ) : null}
        {run.finishedAt === null ? (
          <button type="button" data-variant="danger" disabled={busy || !canCancel} onClick={cancel}>
            {canCancel ? "Cancel the run" : "Cancelling …"}
          </button>
        ) : null}
        {canRetry ? (
          <button type="button" data-variant="primary" onClick={() => setRetrying(true)}>
            Retry failed
          </button>
        ) : null}
      </div>
      {problem ? <Notice tone="error" title={problem} /> : null}
      {retrying ? (
        <RetryDialog run={run} detail={detail} onDone={onChange} onClose={() => setRetrying(false)} />
      ) : null}
    </div>
  );
}

/** useSteering holds the changes that need no more than a press. */
function useSteering(run: RunSummaryFragment, onChange: (run: RunSummaryFragment) => void) {
  const { busy, problem, act } = useAct();
  const [, askPause] = useMutation(PauseRunMutation);
  const [, askResume] = useMutation(ResumeRunMutation);
  const [, askCancel] = useMutation(CancelMutation);
  const input = { id: run.id };
  const learn = (changed: RunSummaryFragment | null | undefined) => {
    if (changed) onChange(changed);
  };
  const pause = () =>
    act(async () => {
      const { data, error } = await askPause({ input });
      learn(data?.pauseWorkflowRun.workflowRun);
      return refusalText(error, data?.pauseWorkflowRun.userErrors);
    });
  const resume = () =>
    act(async () => {
      const { data, error } = await askResume({ input });
      learn(data?.resumeWorkflowRun.workflowRun);
      return refusalText(error, data?.resumeWorkflowRun.userErrors);
    });
  const cancel = () =>
    act(async () => {
      const { data, error } = await askCancel({ input });
      learn(data?.cancelWorkflowRun.workflowRun);
      return refusalText(error, data?.cancelWorkflowRun.userErrors);
    });
  return { busy, problem, pause, resume, cancel };
}
