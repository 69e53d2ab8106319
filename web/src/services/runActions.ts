import type { RunSummaryFragment } from "../gql/graphql";

type Run = Pick<RunSummaryFragment, "finishedAt" | "pausedAt" | "cancelRequestedAt">;

/** runNote returns the word that stands beside the state of a run: the state alone does not say it. */
export function runNote(run: Run): string | undefined {
  if (run.finishedAt !== null) return undefined;
  if (run.cancelRequestedAt !== null) return run.pausedAt === null ? "cancelling" : "cancelling, paused";
  return run.pausedAt === null ? undefined : "paused";
}
