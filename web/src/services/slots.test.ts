import { describe, expect, it } from "vitest";
import { countText, fateText } from "./slots";

describe("countText", () => {
  it("says where counting stopped", () => {
    expect(countText({ count: 3, countIsExact: true })).toBe("3");
    expect(countText({ count: 10_000, countIsExact: false })).toBe("10,000 or more");
  });
});

describe("fateText", () => {
  it("says which slots would get runs, and why others would not", () => {
    expect(fateText({ count: 1, countIsExact: true, status: "PENDING" })).toBe("a run now");
    expect(fateText({ count: 2, countIsExact: true, status: "SKIPPED", text: "overlap: skip" })).toBe(
      "runs now, skipped: overlap: skip",
    );
    expect(fateText({ count: 2, countIsExact: true, status: null, text: "the workflow was paused" })).toBe(
      "no run: the workflow was paused",
    );
  });
});
