import type { WorkflowRunType } from "../gql/graphql";

/** starterOf says in a word what has started a run. */
export function starterOf(type: WorkflowRunType): string {
  switch (type) {
    case "SCHEDULED":
      return "schedule";
    case "CHILD":
      return "another run";
    default:
      return "hand";
  }
}
