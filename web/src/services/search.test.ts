import { expect, test } from "vitest";
import { listSearch, notificationSearch, pageSearch, runSearch } from "./search";

test("the list keeps what it knows and drops the rest", () => {
  expect(listSearch({ search: "etl", tag: "daily", show: "paused", after: "c1", x: 1 })).toEqual({
    search: "etl",
    tag: "daily",
    show: "paused",
    after: "c1",
  });
  expect(listSearch({ search: "", show: "nonsense", tag: {} })).toEqual({});
});

test("a search for digits stays a text", () => {
  expect(listSearch({ search: 42 })).toEqual({ search: "42" });
  expect(pageSearch({ after: 7 })).toEqual({ after: "7" });
});

test("a run's address names task, attempt, tab and state", () => {
  expect(runSearch({ task: "extract", attempt: 2, tab: "details", status: "FAILED" })).toEqual({
    task: "extract",
    attempt: 2,
    tab: "details",
    status: "FAILED",
  });
  expect(runSearch({ attempt: "0", tab: "x", status: "failed" })).toEqual({});
  expect(runSearch({ attempt: "many" })).toEqual({});
});

test("the list of notifications shows the stuck ones unless its address says otherwise", () => {
  expect(notificationSearch({ show: "waiting", after: "c1" })).toEqual({ show: "waiting", after: "c1" });
  expect(notificationSearch({ show: "stuck" })).toEqual({});
});
