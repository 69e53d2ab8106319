import { type CSSProperties, memo } from "react";
import { type Span, spans } from "../services/ansi";
import styles from "./LogLines.module.css";

// The browser lays out a block only while it is in view, so thousands of lines
// cost little, and its own search still finds every one.
const blockLines = 100;
const lineHeightPx = 20;

/** LogLines draws the lines of a log: text only, with the colours that it asks for. */
export function LogLines({ lines, wrap }: { lines: readonly string[]; wrap: boolean }) {
  const blocks: string[] = [];
  for (let at = 0; at < lines.length; at += blockLines) {
    blocks.push(lines.slice(at, at + blockLines).join("\n"));
  }
  return (
    <div className={styles.lines} data-wrap={wrap}>
      {blocks.map((text, index) => (
        // Lines have no identity but their place.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above.
        <Block key={index} text={text} />
      ))}
    </div>
  );
}

// Compared by its text: while a log grows only its last block is drawn again.
const Block = memo(function Block({ text }: { text: string }) {
  const lines = text.split("\n");
  return (
    <div className={styles.block} style={{ containIntrinsicSize: `auto ${lines.length * lineHeightPx}px` }}>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place.
        <div key={index} className={styles.line}>
          <Line text={line} />
        </div>
      ))}
    </div>
  );
});

function Line({ text }: { text: string }) {
  const parts = spans(text);
  if (parts.length === 1 && parts[0] && isPlain(parts[0])) return parts[0].text || "\u200b";
  return parts.map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity but their place.
    <span key={index} className={classes(part)} style={truecolor(part)}>
      {part.text}
    </span>
  ));
}

function isPlain(part: Span): boolean {
  return part.foreground === null && part.background === null && part.decorations.length === 0;
}

function classes(part: Span): string {
  const names = part.decorations.map((name) => styles[name]);
  if (part.foreground) names.push(styles[part.foreground]);
  if (part.background) names.push(styles[`${part.background}-bg`]);
  return names.filter((name) => name !== undefined).join(" ");
}

function truecolor(part: Span): CSSProperties {
  return {
    ...(isTriple(part.foreground) ? { color: `rgb(${part.foreground})` } : {}),
    ...(isTriple(part.background) ? { backgroundColor: `rgb(${part.background})` } : {}),
  };
}

function isTriple(color: string | null): color is string {
  return color !== null && /^\d+, *\d+, *\d+$/.test(color);
}
