import type { RunSummaryFragment } from "../gql/graphql";

/** starterOf says in a few words what has started a run, and who. */
export function starterOf(cause: RunSummaryFragment["cause"]): string {
  const words = [cause.kind === "MANUAL" ? "hand" : cause.kind.toLowerCase()];
  if (cause.detail !== null) {
    words.push(cause.detail);
  }
  if (cause.by !== null && cause.by !== "scheduler" && cause.by !== cause.kind.toLowerCase()) {
    words.push(`by ${cause.by}`);
  }
  return words.join(" ");
}
