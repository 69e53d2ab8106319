import { expect, test } from "vitest";
import type { RunSummaryFragment, TaskRowFragment, TaskRunStatus, WorkflowRunStatus } from "../gql/graphql";
import {
  applyUpdates,
  emptyRun,
  latestByWorkflow,
  learnRun,
  mergeRuns,
  newerRun,
  type RunUpdate,
} from "./runState";

function task(index: number, status: TaskRunStatus): TaskRowFragment {
  return {
    id: `task-${index}`,
    name: `t${index}`,
    index,
    status,
    attempt: 1,
    reason: null,
    exitCode: null,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    nextRetryAt: null,
  };
}

function run(number: number, status: WorkflowRunStatus, workflow = "etl"): RunSummaryFragment {
  return {
    id: `${workflow}-${number}`,
    number,
    label: `${workflow}#${number}`,
    status,
    reason: null,
    revision: 1,
    cause: { kind: "MANUAL", detail: null, by: "ann" },
    logicalDate: "2026-01-01T00:00:00Z",
    runAfter: "2026-01-01T00:00:00Z",
    createdAt: "2026-01-01T00:00:00Z",
    startedAt: null,
    finishedAt: null,
    cancelRequestedAt: null,
    pausedAt: null,
    lateAt: null,
    generation: 1,
    taskCount: 2,
    taskStates: [],
    workflow: { id: workflow, name: workflow },
  };
}

function update(revision: number, status: WorkflowRunStatus, ...changed: TaskRowFragment[]): RunUpdate {
  return { revision, workflowRun: run(1, status), changedTaskRuns: changed };
}

test("an update replaces the tasks that it names and keeps the others", () => {
  const before = applyUpdates(emptyRun, [update(1, "RUNNING", task(0, "RUNNING"), task(1, "PENDING"))]);
  const after = applyUpdates(before, [update(2, "RUNNING", task(0, "SUCCESS"))]);
  expect(after.tasks.map((t) => t.status)).toEqual(["SUCCESS", "PENDING"]);
  expect(after.revision).toBe(2);
  expect(before.tasks.map((t) => t.status)).toEqual(["RUNNING", "PENDING"]);
});

test("parts of one large update share a revision and come in any order", () => {
  const state = applyUpdates(emptyRun, [
    update(1, "RUNNING", task(2, "QUEUED")),
    update(1, "RUNNING", task(0, "QUEUED"), task(1, "QUEUED")),
  ]);
  expect(state.tasks.map((t) => t.index)).toEqual([0, 1, 2]);
});

test("a revision that falls is of a restored database and begins anew", () => {
  const state = applyUpdates(emptyRun, [update(5, "SUCCESS", task(0, "SUCCESS"), task(1, "SUCCESS"))]);
  const restored = [update(0, "RUNNING", task(0, "RUNNING")), update(4, "RUNNING", task(2, "PENDING"))];
  const after = applyUpdates(state, restored);
  expect(after.tasks.map((t) => `${t.index} ${t.status}`)).toEqual(["0 RUNNING", "2 PENDING"]);
  expect(after.run?.status).toBe("RUNNING");
  expect(after.revision).toBe(4);
});

test("of a run's two states the one with the higher revision counts, wherever it came from", () => {
  const old = { ...run(2, "RUNNING"), revision: 5 };
  const ended = { ...run(2, "SUCCESS"), revision: 9 };
  expect(newerRun(ended, old)).toBe(ended);
  expect(newerRun(old, ended)).toBe(ended);
  expect(newerRun(ended, run(3, "PENDING"))?.number).toBe(3);
  expect(newerRun(null, undefined)).toBeNull();
  expect(mergeRuns([ended], [old])).toEqual([ended]);
});

test("an update of the run alone keeps the list of tasks as it is", () => {
  const state = applyUpdates(emptyRun, [update(1, "RUNNING", task(0, "SUCCESS"))]);
  expect(applyUpdates(state, [update(2, "SUCCESS")]).tasks).toBe(state.tasks);
});

test("the latest run of a workflow is the one with the highest number", () => {
  const latest = latestByWorkflow(new Map(), [
    run(2, "RUNNING"),
    run(1, "SUCCESS"),
    run(7, "FAILED", "other"),
  ]);
  expect([...latest.values()].map((r) => r.label)).toEqual(["etl#2", "other#7"]);
  expect(latestByWorkflow(latest, [run(2, "SUCCESS")]).get("etl")?.status).toBe("SUCCESS");
});

test("runs stay newest first when updates come in", () => {
  const merged = mergeRuns([run(2, "RUNNING"), run(1, "RUNNING")], [run(1, "SUCCESS"), run(3, "PENDING")]);
  expect(merged.map((r) => `${r.number} ${r.status}`)).toEqual(["3 PENDING", "2 RUNNING", "1 SUCCESS"]);
});

test("a run that was retried after its end is followed anew, once", () => {
  const failed = { ...run(1, "FAILED"), finishedAt: "2026-01-01T00:01:00Z", revision: 4 };
  const ended = applyUpdates(emptyRun, [
    { revision: 9, workflowRun: failed, changedTaskRuns: [task(0, "FAILED")] },
  ]);
  const retried = { ...run(1, "PENDING"), generation: 2, revision: 6 };
  const after = learnRun(ended, retried);
  expect(after.run?.status).toBe("PENDING");
  expect(after.opened).toBe(1);
  // The subscription goes on from what it had sent.
  expect(after.revision).toBe(9);
  expect(after.tasks).toBe(ended.tasks);
  expect(learnRun(after, retried)).toBe(after);
  expect(applyUpdates(after, [update(10, "RUNNING", task(0, "QUEUED"))]).opened).toBe(1);
});

test("a mark after the end of a run is a change that has to be asked for, too", () => {
  const failed = { ...run(1, "FAILED"), finishedAt: "2026-01-01T00:01:00Z" };
  const ended = applyUpdates(emptyRun, [{ revision: 1, workflowRun: failed, changedTaskRuns: [] }]);
  const marked = { ...failed, status: "SUCCESS" as const, generation: 2, revision: 2 };
  expect(learnRun(ended, marked).opened).toBe(1);
});

test("what others say of a run that goes on changes it, but it is followed already", () => {
  const state = applyUpdates(emptyRun, [update(1, "RUNNING", task(0, "RUNNING"))]);
  const paused = { ...run(1, "RUNNING"), pausedAt: "2026-01-01T00:00:30Z", revision: 2 };
  expect(learnRun(state, paused)).toEqual({ ...state, run: paused });
  expect(learnRun(state, { ...paused, generation: 2 }).opened).toBe(0);
});

test("what is older, of another run, or before the first update is not learned", () => {
  const state = applyUpdates(emptyRun, [update(1, "RUNNING")]);
  expect(learnRun(state, { ...run(1, "PENDING"), revision: 1 })).toBe(state);
  expect(learnRun(state, { ...run(2, "RUNNING"), revision: 5 })).toBe(state);
  expect(learnRun(emptyRun, { ...run(1, "RUNNING"), revision: 5 })).toBe(emptyRun);
});
