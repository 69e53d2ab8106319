import { expect, test } from "vitest";
import { maxLineChars, spans } from "./ansi";

const esc = "\u001b";

test("plain text stays as it is, HTML too", () => {
  expect(spans("<b>1 & 2</b>").map((s) => s.text)).toEqual(["<b>1 & 2</b>"]);
});

test("colours and decorations become looks", () => {
  const [before, red, after] = spans(`a ${esc}[1;31mred${esc}[0m b`);
  expect(before).toMatchObject({ text: "a ", foreground: null });
  expect(red).toMatchObject({ text: "red", foreground: "ansi-red", decorations: ["bold"] });
  expect(after).toMatchObject({ text: " b", foreground: null, decorations: [] });
});

test("24-bit colours keep their values", () => {
  expect(spans(`${esc}[38;2;10;20;30mx`)[0]?.foreground).toBe("10, 20, 30");
});

test("titles, links and cursor movements vanish", () => {
  const text = spans(`${esc}]0;title\u0007${esc}[2K${esc}[1Ahello`).map((s) => s.text);
  expect(text.join("")).toBe("hello");
});

test("a progress bar shows its last state", () => {
  expect(spans("10 %\r50 %\r100 %\r")[0]?.text).toBe("100 %");
});

test("a line of a megabyte is cut and says so", () => {
  const [head, tail] = spans("x".repeat(maxLineChars + 5));
  expect(head?.text).toHaveLength(maxLineChars);
  expect(tail?.text).toBe(" … 5 more characters");
});
