import type { RunSummaryFragment, RunUpdatesSubscription, TaskRowFragment } from "../gql/graphql";

export type RunUpdate = RunUpdatesSubscription["workflowRunUpdated"];

/** RunState is what the page knows of a run. Tasks are by index, in file order. */
export interface RunState {
  run: RunSummaryFragment | null;
  tasks: readonly TaskRowFragment[];
  /** Where to go on after a reconnect; null before the first update. */
  revision: number | null;
  /** opened counts the changes after an end of the run: with each one it has to be followed anew. */
  opened: number;
}

export const emptyRun: RunState = { run: null, tasks: [], revision: null, opened: 0 };

/**
 * applyUpdates returns the state after the updates, in the order in which they
 * came. They may repeat what is known. A revision falls only when the database
 * was put back to an earlier state: then what was known counts no more.
 */
export function applyUpdates(state: RunState, updates: readonly RunUpdate[]): RunState {
  let { run, revision } = state;
  const { opened } = state;
  let before = state.tasks;
  const changed = new Map<number, TaskRowFragment>();
  for (const update of updates) {
    if (revision !== null && update.revision < revision) {
      before = [];
      changed.clear();
    }
    run = update.workflowRun;
    revision = update.revision;
    for (const task of update.changedTaskRuns) changed.set(task.index, task);
  }
  if (changed.size === 0) return { run, tasks: before, revision, opened };
  const known = new Set(before.map((task) => task.index));
  const tasks = before.map((task) => changed.get(task.index) ?? task);
  const added = [...changed.values()].filter((task) => !known.has(task.index));
  if (added.length > 0) {
    tasks.push(...added);
    tasks.sort((a, b) => a.index - b.index);
  }
  return { run, tasks, revision, opened };
}

/**
 * learnRun returns the state after what another than the run's own subscription
 * says of the run. That one completes at the end of the run, so it is the others
 * who tell that a retry, a clear or a mark has changed the run since.
 */
export function learnRun(state: RunState, run: RunSummaryFragment): RunState {
  const known = state.run;
  if (!known || known.id !== run.id || run.revision <= known.revision) return state;
  const changedAfterEnd = known.finishedAt !== null && run.generation > known.generation;
  return { ...state, run, opened: state.opened + (changedAfterEnd ? 1 : 0) };
}

/**
 * newerRun returns the newer of two runs of a workflow, or of two states of one
 * run: what came live is stale after a lost connection that hid its end.
 */
export function newerRun(
  asked: RunSummaryFragment | null,
  live: RunSummaryFragment | undefined,
): RunSummaryFragment | null {
  if (!asked || !live) return live ?? asked;
  if (asked.number !== live.number) return asked.number > live.number ? asked : live;
  return asked.revision > live.revision ? asked : live;
}

/** latestByWorkflow returns the newest known run of each workflow, by name. */
export function latestByWorkflow(
  known: ReadonlyMap<string, RunSummaryFragment>,
  runs: readonly RunSummaryFragment[],
): ReadonlyMap<string, RunSummaryFragment> {
  const latest = new Map(known);
  for (const run of runs) {
    latest.set(run.workflow.name, newerRun(latest.get(run.workflow.name) ?? null, run) ?? run);
  }
  return latest;
}

/** mergeRuns returns runs of one workflow, newest first, with the updates in their places. */
export function mergeRuns(
  known: readonly RunSummaryFragment[],
  updates: readonly RunSummaryFragment[],
): readonly RunSummaryFragment[] {
  const byId = new Map(known.map((run) => [run.id, run]));
  for (const run of updates) byId.set(run.id, newerRun(byId.get(run.id) ?? null, run) ?? run);
  return [...byId.values()].sort((a, b) => b.number - a.number);
}
