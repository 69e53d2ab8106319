import { expect, test } from "vitest";
import { aboutText } from "./notifications";

test("aboutText names the run, the task, or how many tasks", () => {
  expect(aboutText({ event: "FAILURE", ofTasks: false, tasks: [], taskCount: 0 })).toBe("run failed");
  expect(aboutText({ event: "RETRY", ofTasks: true, tasks: [{ name: "load" }], taskCount: 1 })).toBe(
    "load tried again",
  );
  expect(aboutText({ event: "CANCEL", ofTasks: true, tasks: [{ name: "a" }], taskCount: 500 })).toBe(
    "500 tasks cancelled",
  );
});
