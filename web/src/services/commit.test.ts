import { expect, test } from "vitest";
import { commitText } from "./commit";

test("a commit says whose it is, and whether files are as in it", () => {
  const commit = {
    hash: "0123456789abcdef0123456789abcdef01234567",
    author: "Ada <ada@example.org>",
    isDirty: false,
  };
  expect(commitText(commit)).toBe("0123456789ab by Ada <ada@example.org>");
  expect(commitText({ ...commit, isDirty: true })).toBe("not committed, on top of 0123456789ab");
});
