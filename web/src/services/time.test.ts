import { expect, test } from "vitest";
import { elapsed, formatDuration, formatInZone, formatRelative } from "./time";

test.each([
  [-5, "0 ms"],
  [0, "0 ms"],
  [420, "420 ms"],
  [999.4, "999 ms"],
  [999.6, "1.0 s"],
  [9_949, "9.9 s"],
  [9_950, "10 s"],
  [59_499, "59 s"],
  [59_500, "1 min"],
  [185_000, "3 min 5 s"],
  [3_599_600, "1 h"],
  [7_800_000, "2 h 10 min"],
  [86_399_000, "1 d"],
  [273_600_000, "3 d 4 h"],
])("a duration of %d ms is %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [0, "just now"],
  [-4_000, "just now"],
  [-30_000, "30 s ago"],
  [-300_000, "5 min ago"],
  [7_300_000, "in 2 h"],
  [-200_000_000, "2 d ago"],
])("%d ms away is %s", (away, text) => {
  expect(formatRelative(1e12 + away, 1e12)).toBe(text);
});

test.each([
  ["2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25 02:30:00 Europe/Berlin"],
  ["2026-10-25T01:30:00Z", "Europe/Berlin", "2026-10-25 02:30:00 Europe/Berlin"],
  ["2026-03-01T18:30:00Z", "Asia/Kolkata", "2026-03-02 00:00:00 Asia/Kolkata"],
  ["2026-03-01T18:30:05Z", "Mars/Olympus", "2026-03-01 18:30:05 UTC"],
])("%s in %s is %s", (at, zone, text) => {
  expect(formatInZone(Date.parse(at), zone)).toBe(text);
});

test("elapsed counts up to now while there is no end", () => {
  const start = "2026-01-01T00:00:00Z";
  const now = Date.parse("2026-01-01T00:00:10Z");
  expect(elapsed(null, null, now)).toBeNull();
  expect(elapsed(start, null, now)).toBe(10_000);
  expect(elapsed(start, "2026-01-01T00:00:03Z", now)).toBe(3_000);
  expect(elapsed("2026-01-01T00:00:11Z", null, now)).toBe(0);
});
