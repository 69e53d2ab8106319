import { expect, test } from "vitest";
import {
  aboutText,
  countText,
  type Notification,
  outlookOf,
  sendAllText,
  stateOf,
  triesText,
} from "./notifications";

const stuck: Notification = {
  id: "n1",
  run: "daily-etl#142",
  event: "FAILURE",
  ofTasks: false,
  tasks: [],
  taskCount: 0,
  recipient: "webhook example.org",
  state: "STUCK",
  tries: 31,
  lastError: "503",
  at: "2026-01-01T00:00:00Z",
  dueAt: null,
  sentAt: null,
};

test("aboutText names the run, the task, or how many tasks", () => {
  expect(aboutText(stuck)).toBe("run failed");
  expect(aboutText({ event: "RETRY", ofTasks: true, tasks: [{ name: "load" }], taskCount: 1 })).toBe(
    "load tried again",
  );
  expect(aboutText({ event: "CANCEL", ofTasks: true, tasks: [{ name: "a" }], taskCount: 500 })).toBe(
    "500 tasks cancelled",
  );
});

test("what comes next of a notification is said with its time, if it has one", () => {
  const at = "2026-01-01T00:05:00Z";
  expect(outlookOf(stuck)).toEqual({ text: "given up", at: null });
  expect(outlookOf({ ...stuck, state: "PENDING", dueAt: at })).toEqual({ text: "next try", at });
  expect(outlookOf({ ...stuck, state: "PENDING", dueAt: at, tries: 0 })).toEqual({ text: "first try", at });
  expect(outlookOf({ ...stuck, state: "SENT", sentAt: at })).toEqual({ text: "taken", at });
});

test("counts are said as people say them", () => {
  expect([0, 1, 31].map(triesText)).toEqual(["not yet", "once", "31 times"]);
  expect(countText({ totalCount: 10_000, totalCountIsExact: false })).toBe("10,000+");
  expect(countText({ totalCount: 3, totalCountIsExact: true })).toBe("3");
  expect(sendAllText(3, 3)).toBe("Send all again");
  expect(sendAllText(50, 300)).toBe("Send these 50 again");
});

test("the list asks for the stuck ones unless its address says otherwise", () => {
  expect(stateOf({})).toBe("STUCK");
  expect(stateOf({ show: "waiting" })).toBe("PENDING");
  expect(stateOf({ show: "all" })).toBeNull();
});
