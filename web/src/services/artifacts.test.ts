import { expect, test } from "vitest";
import { formatBytes, hiddenText } from "./artifacts";

test("sizes have one unit and as many digits as matter", () => {
  expect(formatBytes(0)).toBe("0 B");
  expect(formatBytes(1023)).toBe("1023 B");
  expect(formatBytes(1024)).toBe("1.0 KiB");
  expect(formatBytes(1536)).toBe("1.5 KiB");
  expect(formatBytes(10_190)).toBe("10 KiB");
  expect(formatBytes(1024 ** 2 - 1)).toBe("1.0 MiB");
  expect(formatBytes(12 * 1024 ** 2)).toBe("12 MiB");
  expect(formatBytes(1024 ** 3)).toBe("1.0 GiB");
  expect(formatBytes(Number.MAX_SAFE_INTEGER)).toBe("8.0 PiB");
});

test("what is not shown is said", () => {
  expect(hiddenText(0, 0, true)).toBe("");
  expect(hiddenText(100, 100, true)).toBe("");
  expect(hiddenText(100, 101, true)).toBe("1 more");
  expect(hiddenText(100, 1000, false)).toBe("More than 900 more");
});
