import Anser from "anser";

// A longer line is cut in the view: browsers lay out such a line slowly.
export const maxLineChars = 10_000;

/** Span is a part of a line with one look. Colours are palette names or "r, g, b". */
export interface Span {
  text: string;
  foreground: string | null;
  background: string | null;
  decorations: readonly string[];
}

/**
 * spans returns a line of a log as it would look in a terminal: the colour
 * codes become looks, other control sequences vanish, and of a line that was
 * rewritten by carriage returns (a progress bar) the last state remains.
 */
export function spans(line: string): Span[] {
  const visible = lastState(line);
  const cut = visible.length > maxLineChars;
  const text = cut ? visible.slice(0, maxLineChars) : visible;
  const parts = text.includes("\u001b") ? colored(text) : [plain(text)];
  if (cut) parts.push(plain(` … ${visible.length - maxLineChars} more characters`));
  return parts;
}

function lastState(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf("\r") + 1);
}

function plain(text: string): Span {
  return { text, foreground: null, background: null, decorations: [] };
}

// Window titles and links (OSC), and cursor movements (CSI that do not end in m).
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes.
const otherSequences = /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-9;?]*[A-HJKSTfhlnsu]/g;

function colored(text: string): Span[] {
  return Anser.ansiToJson(text.replace(otherSequences, ""), { use_classes: true, remove_empty: true }).map(
    (entry) => ({
      text: entry.content,
      foreground: color(entry.fg, entry.fg_truecolor),
      background: color(entry.bg, entry.bg_truecolor),
      decorations: entry.decorations,
    }),
  );
}

function color(name: string | null, truecolor: string | null): string | null {
  if (name === "ansi-truecolor") return truecolor;
  return name;
}
