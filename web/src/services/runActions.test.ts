import { expect, test } from "vitest";
import type { TaskRunStatus } from "../gql/graphql";
import { runActions, runNote } from "./runActions";

const at = "2026-01-01T00:00:00Z";

function run(overrides: Partial<Parameters<typeof runActions>[0]> = {}, ...states: TaskRunStatus[]) {
  return {
    finishedAt: null,
    pausedAt: null,
    cancelRequestedAt: null,
    taskStates: states.map((status) => ({ status, count: 1 })),
    ...overrides,
  };
}

test("a run that goes on can be paused and cancelled, a paused one resumed", () => {
  expect(runActions(run({}, "RUNNING", "FAILED"))).toEqual({
    canCancel: true,
    canPause: true,
    canResume: false,
    canRetry: false,
  });
  expect(runActions(run({ pausedAt: at }))).toMatchObject({ canPause: false, canResume: true });
  expect(runActions(run({ pausedAt: at, cancelRequestedAt: at }))).toMatchObject({
    canCancel: false,
    canResume: true,
  });
});

test("a run that is over can be retried if something failed in it, and nothing else", () => {
  for (const status of ["FAILED", "CANCELLED", "UPSTREAM_FAILED"] as const) {
    expect(runActions(run({ finishedAt: at, pausedAt: at }, "SUCCESS", status)), status).toEqual({
      canCancel: false,
      canPause: false,
      canResume: false,
      canRetry: true,
    });
  }
  expect(runActions(run({ finishedAt: at }, "SUCCESS", "SKIPPED")).canRetry).toBe(false);
  expect(runActions(run({ finishedAt: at })).canRetry).toBe(false);
});

test("what the state does not say stands beside it until the run is over", () => {
  expect(runNote(run())).toBeUndefined();
  expect(runNote(run({ pausedAt: at }))).toBe("paused");
  expect(runNote(run({ cancelRequestedAt: at }))).toBe("cancelling");
  expect(runNote(run({ pausedAt: at, cancelRequestedAt: at }))).toBe("cancelling, paused");
  expect(runNote(run({ pausedAt: at, cancelRequestedAt: at, finishedAt: at }))).toBeUndefined();
});
