import { type CSSProperties, memo } from "react";
import { type Span, spans } from "../services/ansi";
import { blocksOf } from "../services/logBuffer";
import styles from "./LogLines.module.css";

// The browser lays out a block only while it is in view, so thousands of lines
// cost little, and its own search still finds every one.
const blockLines = 100;
const lineHeightPx = 20;

interface LogLinesProps {
  lines: readonly string[];
  /** firstLine numbers the first line; a line keeps its number while others come and go. */
  firstLine: number;
  wrap: boolean;
}

/** LogLines draws the lines of a log: text only, with the colours that it asks for. */
export function LogLines({ lines, firstLine, wrap }: LogLinesProps) {
  return (
    <div className={styles.lines} data-wrap={wrap}>
      {blocksOf(lines, firstLine, blockLines).map((block) => (
        <Block key={block.key} text={block.lines.join("\n")} />
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
