import { expect, test } from "vitest";
import {
  type Backfill,
  backfillActions,
  backfillNote,
  mannerText,
  planText,
  progressOf,
  rangeText,
  selectionText,
} from "./backfills";

const at = "2026-01-01T00:00:00Z";
const going = { status: "RUNNING", pausedAt: null, hold: null, remaining: 3 } as const;

test("a backfill that goes on can be paused, a paused one resumed, and one that is over nothing", () => {
  expect(backfillActions(going)).toEqual({ canPause: true, canResume: false, canCancel: true });
  expect(backfillActions({ ...going, pausedAt: at })).toEqual({
    canPause: false,
    canResume: true,
    canCancel: true,
  });
  expect(backfillActions({ ...going, remaining: 0 })).toEqual({
    canPause: false,
    canResume: false,
    canCancel: true,
  });
  for (const status of ["FINISHED", "CANCELLED"] as const) {
    const over = backfillActions({ ...going, status, pausedAt: at });
    expect(over, status).toEqual({ canPause: false, canResume: false, canCancel: false });
  }
});

test("what the state does not say stands beside it: a pause first, then what the workflow holds up", () => {
  const hold = "its workflow is paused";
  expect(backfillNote(going)).toBeUndefined();
  expect(backfillNote({ ...going, hold })).toBe("held");
  expect(backfillNote({ ...going, hold, pausedAt: at })).toBe("paused");
  expect(backfillNote({ ...going, hold, status: "CANCELLED" })).toBeUndefined();
});

test("progress tells each date once, also of runs that are deleted", () => {
  const runStates: Backfill["runStates"] = [
    { status: "RUNNING", count: 2 },
    { status: "SUCCESS", count: 3 },
    { status: "FAILED", count: 1 },
  ];
  const progress = progressOf({
    status: "RUNNING",
    total: 20,
    created: 10,
    leftAlone: 4,
    remaining: 6,
    runStates,
  });
  expect(progress.text).toBe("3 succeeded, 1 failed, 4 deleted since, 4 left alone, 2 running, 6 to come");
  expect(progress.done).toBe(12);
  expect(progress.parts.reduce((sum, part) => sum + part.count, 0)).toBe(20);
  const ended = progressOf({
    status: "CANCELLED",
    total: 2,
    created: 0,
    leftAlone: 0,
    remaining: 2,
    runStates: [],
  });
  expect(ended).toMatchObject({ text: "2 not made", done: 0 });
});

test("a range of whole days is written without times, another one with them, by the clocks of its zone", () => {
  const timezone = "Europe/Berlin";
  const days = { from: "2026-02-28T23:00:00Z", to: "2026-03-31T21:59:59.999999Z", timezone };
  expect(rangeText(days)).toBe("2026-03-01 to 2026-03-31");
  expect(rangeText({ ...days, to: "2026-03-01T22:59:59.999999Z" })).toBe("2026-03-01");
  expect(rangeText({ ...days, to: "2026-03-01T05:30:00Z" })).toBe("2026-03-01 00:00 to 2026-03-01 06:30");
});

test("texts say the manner, the tasks, and what a plan would do", () => {
  expect(mannerText({ mode: "FAILED", order: "NEWEST", concurrency: 4 })).toBe(
    "dates without a run, or whose latest one failed, newest first, 4 at a time",
  );
  expect(selectionText({ only: [], from: ["a", "b"], until: ["c"] })).toBe("from a, b; until c");
  const date = (action: "CREATE" | "RERUN" | "LEAVE") => ({ logicalDate: at, action, reason: "" });
  expect(planText([date("CREATE")])).toBe("1 date: 1 gets a run");
  expect(planText([date("CREATE"), date("CREATE"), date("LEAVE"), date("RERUN")])).toBe(
    "4 dates: 2 get a run, 1 gets another run, 1 is left alone",
  );
});
