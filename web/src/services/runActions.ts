import type { RunSummaryFragment, TaskRunStatus } from "../gql/graphql";

type Run = Pick<RunSummaryFragment, "finishedAt" | "pausedAt" | "cancelRequestedAt" | "taskStates">;

/** RunActions says what can be asked of a run as it stands. */
export interface RunActions {
  canCancel: boolean;
  canPause: boolean;
  canResume: boolean;
  canRetry: boolean;
}

// What a retry runs again, beside what never ran because of it.
const retried: readonly TaskRunStatus[] = ["FAILED", "CANCELLED", "UPSTREAM_FAILED"];

/** runActions returns what can be asked of a run. A run that is being cancelled can still be held: its finally may be to come. */
export function runActions(run: Run): RunActions {
  const over = run.finishedAt !== null;
  const paused = run.pausedAt !== null;
  return {
    canCancel: !over && run.cancelRequestedAt === null,
    canPause: !over && !paused,
    canResume: !over && paused,
    canRetry: over && run.taskStates.some((s) => s.count > 0 && retried.includes(s.status)),
  };
}

/** runNote returns the word that stands beside the state of a run: the state alone does not say it. */
export function runNote(run: Run): string | undefined {
  if (run.finishedAt !== null) return undefined;
  if (run.cancelRequestedAt !== null) return run.pausedAt === null ? "cancelling" : "cancelling, paused";
  return run.pausedAt === null ? undefined : "paused";
}
