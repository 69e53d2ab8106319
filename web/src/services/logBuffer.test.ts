import { expect, test } from "vitest";
import {
  appendPieces,
  blocksOf,
  emptyLog,
  endOffset,
  type LogPiece,
  maxChars,
  maxLines,
  prependPiece,
  startOffset,
} from "./logBuffer";

/** pieces cuts ASCII text at the given places, so that bytes and characters are the same. */
function pieces(text: string, ...cuts: number[]): LogPiece[] {
  return [0, ...cuts].map((offset, i) => {
    const nextOffset = cuts[i] ?? text.length;
    return { offset, nextOffset, text: text.slice(offset, nextOffset) };
  });
}

test("lines that were cut between pieces come together", () => {
  const log = appendPieces(emptyLog, pieces("one\ntwo\nthree", 2, 6, 9));
  expect(log.lines).toEqual(["one", "two", "three"]);
  expect(endOffset(log)).toBe(13);
});

test("a piece that comes again after a reconnect is left out", () => {
  const [a, b] = pieces("one\ntwo\n", 4);
  if (!a || !b) throw new Error("two pieces expected");
  const log = appendPieces(appendPieces(emptyLog, [a, b]), [b]);
  expect(log.lines).toEqual(["one", "two", ""]);
});

test("a huge log keeps its end, and its start can be loaded again without a seam", () => {
  const text = Array.from({ length: maxLines + 500 }, (_, i) => `line ${i}`).join("\n");
  const cuts = [501, 1_003, 5_000];
  const all = pieces(text, ...cuts);
  const log = appendPieces(emptyLog, all);
  expect(log.lines.length).toBeLessThanOrEqual(maxLines);
  expect(log.lines.join("\n")).toBe(text.slice(startOffset(log)));
  const dropped = all.filter((piece) => piece.nextOffset <= startOffset(log));
  expect(dropped.length).toBeGreaterThan(0);
  const whole = dropped.reduceRight(prependPiece, log);
  expect(whole.lines.join("\n")).toBe(text);
  expect(whole.chars).toBe(text.length);
});

test("a log without line breaks is bounded too", () => {
  const log = appendPieces(emptyLog, pieces("x".repeat(maxChars + 10), 100, 200));
  expect(startOffset(log)).toBe(100);
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]?.length).toBe(maxChars - 90);
});

test("what was dropped piece by piece while following is the same as at once", () => {
  const text = "abc\ndef\n".repeat(maxLines);
  let log = emptyLog;
  for (const piece of pieces(text, 6, 13, 22, 30_000, 50_003, 70_001)) log = appendPieces(log, [piece]);
  expect(log.lines.join("\n")).toBe(text.slice(startOffset(log)));
});

test("only the piece that ends where the log starts can be put before it", () => {
  const log = appendPieces(emptyLog, [{ offset: 10, nextOffset: 13, text: "abc" }]);
  expect(prependPiece(log, { offset: 0, nextOffset: 9, text: "123456789" })).toBe(log);
  expect(prependPiece(log, { offset: 0, nextOffset: 10, text: "123456789\n" }).lines).toEqual([
    "123456789",
    "abc",
  ]);
});

test("lines keep their numbers when others go or come before them", () => {
  const text = Array.from({ length: maxLines + 500 }, (_, i) => `line ${i}`).join("\n");
  const all = pieces(text, 501, 1_003, 5_000);
  const log = appendPieces(emptyLog, all);
  expect(log.firstLine).toBe(text.slice(0, startOffset(log)).split("\n").length - 1);
  const whole = all.filter((piece) => piece.nextOffset <= startOffset(log)).reduceRight(prependPiece, log);
  expect(whole.firstLine).toBe(0);
});

test("blocks are cut between the same lines whatever comes or goes", () => {
  const before = blocksOf(["a", "b", "c", "d", "e"], 0, 2);
  expect(before).toEqual([
    { key: 0, lines: ["a", "b"] },
    { key: 1, lines: ["c", "d"] },
    { key: 2, lines: ["e"] },
  ]);
  expect(blocksOf(["b", "c", "d", "e", "f"], 1, 2)).toEqual([
    { key: 0, lines: ["b"] },
    { key: 1, lines: ["c", "d"] },
    { key: 2, lines: ["e", "f"] },
  ]);
  expect(blocksOf(["x", "y", "z", "a"], -3, 2).map((b) => b.lines.length)).toEqual([1, 2, 1]);
  expect(blocksOf([], 0, 2)).toEqual([]);
});
