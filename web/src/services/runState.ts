import type { RunSummaryFragment, RunUpdatesSubscription, TaskRowFragment } from "../gql/graphql";

export type RunUpdate = RunUpdatesSubscription["workflowRunUpdated"];

/** RunState is what the page knows of a run. Tasks are by index, in file order. */
export interface RunState {
  run: RunSummaryFragment | null;
  tasks: readonly TaskRowFragment[];
  /** Where to go on after a reconnect; null before the first update. */
  revision: number | null;
}

export const emptyRun: RunState = { run: null, tasks: [], revision: null };

/**
 * applyUpdates returns the state after the updates. They may repeat what is
 * known and come in any number; a revision never falls, so an update that was
 * overtaken changes nothing.
 */
export function applyUpdates(state: RunState, updates: readonly RunUpdate[]): RunState {
  let { run, revision } = state;
  const changed = new Map<number, TaskRowFragment>();
  for (const update of updates) {
    if (revision !== null && update.revision < revision) continue;
    run = update.workflowRun;
    revision = update.revision;
    for (const task of update.changedTaskRuns) changed.set(task.index, task);
  }
  if (changed.size === 0) return { run, tasks: state.tasks, revision };
  const known = new Set(state.tasks.map((task) => task.index));
  const tasks = state.tasks.map((task) => changed.get(task.index) ?? task);
  const added = [...changed.values()].filter((task) => !known.has(task.index));
  if (added.length > 0) {
    tasks.push(...added);
    tasks.sort((a, b) => a.index - b.index);
  }
  return { run, tasks, revision };
}

/** latestByWorkflow returns the newest known run of each workflow, by name. */
export function latestByWorkflow(
  known: ReadonlyMap<string, RunSummaryFragment>,
  runs: readonly RunSummaryFragment[],
): ReadonlyMap<string, RunSummaryFragment> {
  const latest = new Map(known);
  for (const run of runs) {
    const other = latest.get(run.workflow.name);
    if (!other || other.number <= run.number) latest.set(run.workflow.name, run);
  }
  return latest;
}

/** mergeRuns returns runs of one workflow, newest first, with the updates in their places. */
export function mergeRuns(
  known: readonly RunSummaryFragment[],
  updates: readonly RunSummaryFragment[],
): readonly RunSummaryFragment[] {
  const byId = new Map(known.map((run) => [run.id, run]));
  for (const run of updates) byId.set(run.id, run);
  return [...byId.values()].sort((a, b) => b.number - a.number);
}
