import type {
  ClearTaskRunsInput,
  MarkTaskRunsInput,
  RetryWorkflowRunInput,
  RunSummaryFragment,
  TaskRowFragment,
} from "../gql/graphql";
import { reasonInput } from "./reason";

/** MarkStatus is how a person may say that a task has ended. */
export type MarkStatus = "SUCCESS" | "FAILED" | "SKIPPED";

/** RetryRequest asks for what failed or was cancelled in a run. */
export interface RetryRequest {
  latestVersion: boolean;
}

/** ClearRequest asks for a task again, whatever its state, and on request for all below it. */
export interface ClearRequest {
  task: string;
  downstream: boolean;
  latestVersion: boolean;
}

/** MarkRequest ends a task without running it. */
export interface MarkRequest {
  task: string;
  status: MarkStatus;
}

/** Manner is whether to say what would be done, or to do it: once, however often the same id is sent. */
export type Manner = { dryRun: true } | { dryRun: false; requestId: string; reason: string };

const markStatuses: readonly MarkStatus[] = ["SUCCESS", "FAILED", "SKIPPED"];

/** TaskActions says what can be asked of a task run as it stands. */
export interface TaskActions {
  /** canClear: what waits for its turn will run anyway, and what runs has to end first. */
  canClear: boolean;
  marks: readonly MarkStatus[];
}

/** taskActions returns what can be asked of a task run. */
export function taskActions(task: Pick<TaskRowFragment, "status">): TaskActions {
  return {
    canClear: task.status !== "PENDING" && task.status !== "RUNNING",
    marks: markStatuses.filter((status) => status !== task.status),
  };
}

/** retryInput returns what to send for a retry. */
export function retryInput(run: string, request: RetryRequest, manner: Manner): RetryWorkflowRunInput {
  return { id: run, latestVersion: request.latestVersion, ...mannerInput(manner) };
}

/** clearInput returns what to send for a clear. */
export function clearInput(run: string, request: ClearRequest, manner: Manner): ClearTaskRunsInput {
  const { task, downstream, latestVersion } = request;
  return { workflowRunId: run, tasks: [task], downstream, latestVersion, ...mannerInput(manner) };
}

/** markInput returns what to send for a mark. */
export function markInput(run: string, request: MarkRequest, manner: Manner): MarkTaskRunsInput {
  const { task, status } = request;
  return { workflowRunId: run, tasks: [task], status, ...mannerInput(manner) };
}

// A dry run must not carry the id: it would answer that all is done already.
function mannerInput(manner: Manner) {
  if (manner.dryRun) return { dryRun: true };
  return { requestId: manner.requestId, ...reasonInput(manner.reason) };
}

/** VersionChoice says whether a run may go on with the latest version, and what there is to choose. */
export interface VersionChoice {
  isOffered: boolean;
  text: string;
}

/** versionChoice compares the version of a run with the latest one of its workflow. */
export function versionChoice(
  run: Pick<RunSummaryFragment, "finishedAt">,
  own: number,
  latest: number,
): VersionChoice {
  if (run.finishedAt === null) {
    return { isOffered: false, text: `A run that is not over goes on with its version ${own}.` };
  }
  if (own === latest) return { isOffered: false, text: `The run has the latest version, ${own}.` };
  return { isOffered: true, text: `Its tasks must be those of the run; the run has version ${own}.` };
}

/** NameList is the first of many names, and how many more there are. */
export interface NameList {
  shown: readonly string[];
  more: number;
}

// More names than these nobody reads.
const namesMax = 30;

/** nameList shortens a long list of tasks. */
export function nameList(names: readonly string[]): NameList {
  const shown = names.slice(0, namesMax);
  return { shown, more: names.length - shown.length };
}
