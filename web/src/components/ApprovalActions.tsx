import { useState } from "react";
import { useMutation } from "urql";
import type { AnswerApprovalMutation, RunSummaryFragment, TaskRowFragment } from "../gql/graphql";
import { answerInput, fieldError } from "../services/approval";
import { newKey } from "../services/key";
import { AnswerMutation } from "../services/mutations";
import { missingParams, type Param, paramFields } from "../services/paramForm";
import { problemText } from "../services/problem";
import { FormDialog } from "./FormDialog";
import { ReasonField } from "./FormFields";
import { ParamInput } from "./ParamInput";
import styles from "./TaskActions.module.css";

interface ApprovalProps {
  run: RunSummaryFragment;
  task: TaskRowFragment;
  params: readonly Param[];
  /** approvers are the names of those who may answer; empty: everybody. */
  approvers: readonly string[];
  onChange: (run: RunSummaryFragment) => void;
}

/** ApprovalActions answers a task that waits for an approval. */
export function ApprovalActions(props: ApprovalProps) {
  const [open, setOpen] = useState<"approve" | "reject" | null>(null);
  return (
    <>
      {props.approvers.length > 0 ? <p>Answered by {props.approvers.join(" or ")}.</p> : null}
      <div className={styles.actions}>
        <button type="button" data-variant="primary" onClick={() => setOpen("approve")}>
          Approve …
        </button>
        <button type="button" data-variant="danger" onClick={() => setOpen("reject")}>
          Reject …
        </button>
      </div>
      {open ? <ApprovalDialog {...props} approve={open === "approve"} onClose={() => setOpen(null)} /> : null}
    </>
  );
}

type UserError = AnswerApprovalMutation["answerApproval"]["userErrors"][number];

interface ApprovalDialogProps extends ApprovalProps {
  approve: boolean;
  onClose: () => void;
}

function ApprovalDialog({ run, task, params, approve, onChange, onClose }: ApprovalDialogProps) {
  const [fields] = useState(() => (approve ? paramFields(params) : []));
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [reason, setReason] = useState("");
  const [errors, setErrors] = useState<readonly UserError[]>([]);
  // One id per opening: pressing twice, or again after a lost answer, answers once.
  const [requestId] = useState(newKey);
  const [, send] = useMutation(AnswerMutation);

  const submit = async () => {
    const missing = missingParams(fields, texts);
    if (missing.length > 0) {
      setErrors(missing.map((name) => ({ field: ["fields", name], message: "A value is needed." })));
      return false;
    }
    const input = answerInput(run.id, { task: task.name, approve, fields, texts, requestId, reason });
    const { data, error } = await send({ input });
    const after = data?.answerApproval.workflowRun;
    if (after) {
      onChange(after);
      return true;
    }
    setErrors(
      error ? [{ field: null, message: problemText(error) }] : (data?.answerApproval.userErrors ?? []),
    );
    return false;
  };

  const others = errors.filter((e) => !fields.some((f) => fieldError([e], f.name) !== undefined));
  return (
    <FormDialog
      title={approve ? `Approve ${task.name}` : `Reject ${task.name}`}
      confirm={approve ? "Approve" : "Reject"}
      danger={!approve}
      problems={others.map((e) => e.message)}
      onSubmit={submit}
      onClose={onClose}
    >
      {task.reason ? <p>{task.reason}</p> : null}
      {fields.map((field) => (
        <ParamInput
          key={field.name}
          field={field}
          text={texts[field.name] ?? field.initial}
          error={fieldError(errors, field.name)}
          onChange={(text) => setTexts((old) => ({ ...old, [field.name]: text }))}
        />
      ))}
      <ReasonField help="For the audit log." reason={reason} onChange={setReason} />
    </FormDialog>
  );
}
