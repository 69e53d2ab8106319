// The page keeps this much of a log. The browser's own search works on all of
// it, and no log can make the tab slow; the rest is a download away.
export const maxLines = 10_000;
export const maxChars = 4 << 20;

/** LogPiece is a piece of a log: text from one byte offset to another. */
export interface LogPiece {
  offset: number;
  nextOffset: number;
  text: string;
}

/** LogBuffer is the part of a log that the page holds: whole pieces, without a gap. */
export interface LogBuffer {
  pieces: readonly LogPiece[];
  lines: readonly string[];
  /** firstLine numbers the first line, counted from where the page began; a line keeps its number. */
  firstLine: number;
  chars: number;
}

export const emptyLog: LogBuffer = { pieces: [], lines: [], firstLine: 0, chars: 0 };

/** startOffset returns the byte at which the held part starts; 0 while there is none. */
export function startOffset(log: LogBuffer): number {
  return log.pieces[0]?.offset ?? 0;
}

/** endOffset returns where the next piece starts, or null while there is none. */
export function endOffset(log: LogBuffer): number | null {
  return log.pieces.at(-1)?.nextOffset ?? null;
}

/**
 * appendPieces returns the log with the pieces at its end. What it has already,
 * as after a reconnect, is left out. Beyond the limits the oldest pieces go,
 * but never the newest one.
 */
export function appendPieces(log: LogBuffer, pieces: readonly LogPiece[]): LogBuffer {
  const kept = [...log.pieces];
  let lines = [...log.lines];
  let chars = log.chars;
  let end = endOffset(log);
  for (const piece of pieces) {
    if (piece.text === "" || (end !== null && piece.offset < end)) continue;
    join(lines, piece.text);
    kept.push(piece);
    chars += piece.text.length;
    end = piece.nextOffset;
  }
  let dropped = 0;
  let droppedLines = 0;
  for (; kept.length - dropped > 1; dropped++) {
    if (lines.length - droppedLines <= maxLines && chars <= maxChars) break;
    const text = kept[dropped]?.text ?? "";
    droppedLines += count(text);
    chars -= text.length;
    const first = lines[droppedLines];
    const rest = openLine(kept, dropped);
    if (first !== undefined) lines[droppedLines] = first.slice(rest);
  }
  lines = droppedLines > 0 ? lines.slice(droppedLines) : lines;
  return { pieces: kept.slice(dropped), lines, firstLine: log.firstLine + droppedLines, chars };
}

/** prependPiece returns the log with an earlier piece, which must end where the log starts. */
export function prependPiece(log: LogBuffer, piece: LogPiece): LogBuffer {
  if (piece.nextOffset !== startOffset(log) || piece.text === "") return log;
  const lines = piece.text.split("\n");
  const [first = "", ...rest] = log.lines;
  lines.push(`${lines.pop() ?? ""}${first}`, ...rest);
  return {
    pieces: [piece, ...log.pieces],
    lines,
    firstLine: log.firstLine - count(piece.text),
    chars: log.chars + piece.text.length,
  };
}

/** join adds text to lines, whose last one is the line that has not ended yet. */
function join(lines: string[], text: string): void {
  const [first = "", ...rest] = text.split("\n");
  lines.push(`${lines.pop() ?? ""}${first}`);
  for (const line of rest) lines.push(line);
}

function count(text: string): number {
  let n = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) n++;
  return n;
}

/** openLine returns how many characters a dropped piece left at the start of the first line. */
function openLine(pieces: readonly LogPiece[], dropped: number): number {
  const text = pieces[dropped]?.text ?? "";
  return text.length - (text.lastIndexOf("\n") + 1);
}

/** LogBlock is some lines in a row that are drawn together. */
export interface LogBlock {
  key: number;
  lines: readonly string[];
}

/**
 * blocksOf cuts lines into blocks of at most size. The cuts stand between the
 * same lines whatever comes or goes at both ends, so all other blocks stay as
 * they are drawn.
 */
export function blocksOf(lines: readonly string[], firstLine: number, size: number): LogBlock[] {
  const blocks: LogBlock[] = [];
  for (let at = 0; at < lines.length; ) {
    const key = Math.floor((firstLine + at) / size);
    const next = (key + 1) * size - firstLine;
    blocks.push({ key, lines: lines.slice(at, next) });
    at = next;
  }
  return blocks;
}
