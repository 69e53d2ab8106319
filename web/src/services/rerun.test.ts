import { expect, test } from "vitest";
import type { TaskRunStatus } from "../gql/graphql";
import { clearInput, markInput, nameList, retryInput, taskActions, versionChoice } from "./rerun";

const doing = { dryRun: false as const, requestId: "id", reason: " the source was late " };

test("what has ended or could start can be cleared, what waits or runs cannot", () => {
  const can: Record<TaskRunStatus, boolean> = {
    PENDING: false,
    QUEUED: true,
    RUNNING: false,
    WAITING: true,
    UP_FOR_RETRY: true,
    SUCCESS: true,
    FAILED: true,
    CANCELLED: true,
    SKIPPED: true,
    UPSTREAM_FAILED: true,
  };
  for (const [status, canClear] of Object.entries(can)) {
    expect(taskActions({ status: status as TaskRunStatus }).canClear, status).toBe(canClear);
  }
});

test("a task can be marked as what it is not", () => {
  expect(taskActions({ status: "RUNNING" }).marks).toEqual(["SUCCESS", "FAILED", "SKIPPED"]);
  expect(taskActions({ status: "UPSTREAM_FAILED" }).marks).toEqual(["SUCCESS", "FAILED", "SKIPPED"]);
  expect(taskActions({ status: "FAILED" }).marks).toEqual(["SUCCESS", "SKIPPED"]);
  expect(taskActions({ status: "SUCCESS" }).marks).toEqual(["FAILED", "SKIPPED"]);
});

test("a dry run carries no id, since the real request comes after it", () => {
  const request = { task: "load", downstream: true, latestVersion: false };
  expect(clearInput("run", request, { dryRun: true })).toEqual({
    workflowRunId: "run",
    tasks: ["load"],
    downstream: true,
    latestVersion: false,
    dryRun: true,
  });
});

test("a request carries its id and the reason, if one was given", () => {
  expect(retryInput("run", { latestVersion: true }, doing)).toEqual({
    id: "run",
    latestVersion: true,
    requestId: "id",
    reason: "the source was late",
  });
  expect(markInput("run", { task: "load", status: "SKIPPED" }, { ...doing, reason: "  " })).toEqual({
    workflowRunId: "run",
    tasks: ["load"],
    status: "SKIPPED",
    requestId: "id",
  });
});

test("the latest version is a choice where a run that is over has an earlier one", () => {
  const over = { finishedAt: "2026-01-01T00:00:00Z" };
  expect(versionChoice(over, 1, 2).isOffered).toBe(true);
  expect(versionChoice(over, 2, 2)).toEqual({ isOffered: false, text: "The run has the latest version, 2." });
  expect(versionChoice({ finishedAt: null }, 1, 2).isOffered).toBe(false);
});

test("of many names the first are shown, and how many more there are", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `t${i}`);
  expect(nameList(names).shown.length + nameList(names).more).toBe(1000);
  expect(nameList(names).shown[0]).toBe("t0");
  expect(nameList(["a", "b"])).toEqual({ shown: ["a", "b"], more: 0 });
});
