import { expect, test } from "vitest";
import { runNote } from "./runActions";

const at = "2026-01-01T00:00:00Z";

function run(overrides: Partial<Parameters<typeof runNote>[0]> = {}) {
  return { finishedAt: null, pausedAt: null, cancelRequestedAt: null, ...overrides };
}

test("what the state does not say stands beside it until the run is over", () => {
  expect(runNote(run())).toBeUndefined();
  expect(runNote(run({ pausedAt: at }))).toBe("paused");
  expect(runNote(run({ cancelRequestedAt: at }))).toBe("cancelling");
  expect(runNote(run({ pausedAt: at, cancelRequestedAt: at }))).toBe("cancelling, paused");
  expect(runNote(run({ pausedAt: at, cancelRequestedAt: at, finishedAt: at }))).toBeUndefined();
});
