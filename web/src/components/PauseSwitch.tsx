import { useState } from "react";
import { useMutation } from "urql";
import type { WorkflowSummaryFragment } from "../gql/graphql";
import { PauseMutation, UnpauseMutation } from "../services/mutations";
import { problemText } from "../services/problem";
import { Switch } from "./Switch";

type Pausable = Pick<WorkflowSummaryFragment, "name" | "isActive" | "isPaused" | "retiredAt">;

/** PauseSwitch sets or lifts an operator's pause. The file's own word it cannot change, and says so. */
export function PauseSwitch({ workflow }: { workflow: Pausable }) {
  const [, pause] = useMutation(PauseMutation);
  const [, unpause] = useMutation(UnpauseMutation);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const change = async (on: boolean) => {
    setBusy(true);
    const input = { workflow: workflow.name };
    const result = on ? await unpause({ input }) : await pause({ input });
    const payload =
      result.data &&
      ("pauseWorkflow" in result.data ? result.data.pauseWorkflow : result.data.unpauseWorkflow);
    setProblem(result.error ? problemText(result.error) : (payload?.userErrors[0]?.message ?? null));
    setBusy(false);
  };
  const fixed = workflow.retiredAt
    ? "Its file is gone, so it starts no runs."
    : workflow.isActive
      ? null
      : "Its file says is_active: false.";
  return (
    <>
      <Switch
        on={!workflow.isPaused}
        label={`${workflow.name} starts runs`}
        disabled={busy || fixed !== null}
        title={fixed ?? (workflow.isPaused ? "Paused: starts no runs" : "Active: pause it")}
        onChange={change}
      />
      {problem ? <div role="alert">{problem}</div> : null}
    </>
  );
}
