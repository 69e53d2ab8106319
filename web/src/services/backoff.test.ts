import { expect, test } from "vitest";
import { retryDelay } from "./backoff";

test("the delay doubles up to five seconds", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 50].map((failures) => retryDelay(failures, 1))).toEqual([
    250, 500, 1000, 2000, 4000, 5000, 5000, 5000,
  ]);
});

test("half of it is random", () => {
  expect(retryDelay(3, 0)).toBe(500);
  expect(retryDelay(3, 0.5)).toBe(750);
});
