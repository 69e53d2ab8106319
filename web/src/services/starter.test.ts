import { expect, test } from "vitest";
import { starterOf } from "./starter";

test("a run tells what has started it, and who if it was a person", () => {
  expect(starterOf({ kind: "SCHEDULE", detail: null, by: "scheduler" })).toBe("schedule");
  expect(starterOf({ kind: "SCHEDULE", detail: "eu", by: "scheduler" })).toBe("schedule eu");
  expect(starterOf({ kind: "MANUAL", detail: null, by: "ann" })).toBe("hand by ann");
  expect(starterOf({ kind: "WEBHOOK", detail: "delivery 1", by: "webhook" })).toBe("webhook delivery 1");
  expect(starterOf({ kind: "CHILD", detail: "of all#1, task load", by: null })).toBe(
    "child of all#1, task load",
  );
});
