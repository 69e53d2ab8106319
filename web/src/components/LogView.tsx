import { useEffect, useMemo, useRef, useState } from "react";
import { useLog } from "../hooks/useLog";
import { startOffset } from "../services/logBuffer";
import { problemText } from "../services/problem";
import { LiveMark } from "./LiveMark";
import { LogLines } from "./LogLines";
import styles from "./LogView.module.css";
import { Notice } from "./Notice";

// So near to the end counts as being there.
const nearEndPx = 40;

interface LogViewProps {
  taskRunId: string;
  taskName: string;
  /** attempt is 0 while there is none. */
  attempt: number;
  /** waiting says what an empty log waits for, or why there is none. */
  waiting: string;
}

/** LogView shows the log of an attempt as it grows. Scrolling up stops following; scrolling to the end goes on. */
export function LogView({ taskRunId, taskName, attempt, waiting }: LogViewProps) {
  const { log, live, isComplete, loadEarlier, readAll } = useLog(taskRunId, attempt);
  const { view, follow, setFollow, onScroll } = useFollowing();
  const [wrap, setWrap] = useState(true);
  const [problem, setProblem] = useState<string | null>(null);

  // A line that has not begun is no line.
  const lines = useMemo(() => (log.lines.at(-1) === "" ? log.lines.slice(0, -1) : log.lines), [log.lines]);
  const attempting = (work: () => Promise<void>) => async () => {
    try {
      setProblem(null);
      await work();
    } catch (e) {
      setProblem(problemText(e));
    }
  };
  // The browser keeps the lines in view where they are, but not at the very top.
  const showEarlier = () => {
    view.current?.scrollTo({ top: Math.max(1, view.current.scrollTop) });
    return loadEarlier();
  };
  const earlier = startOffset(log);
  // Of a log without a byte nothing arrives, so "connecting" could stand for ever.
  const status = attempt > 0 && live.status !== "connecting" ? live.status : "over";
  return (
    <div className={styles.log}>
      <div className={styles.tools}>
        <LiveMark status={status} />
        <span className={styles.space} />
        <button type="button" aria-pressed={follow} onClick={() => setFollow(!follow)}>
          Follow
        </button>
        <button type="button" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
          Wrap
        </button>
        <button
          type="button"
          disabled={attempt === 0}
          onClick={attempting(async () => save(await readAll(), `${taskName}-${attempt}.log`))}
        >
          Download
        </button>
      </div>
      {live.refusal || problem ? <Notice tone="error" title={live.refusal ?? problem ?? ""} /> : null}
      <section
        ref={view}
        className={styles.view}
        aria-label={`Log of ${taskName}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it.
        tabIndex={0}
        onScroll={onScroll}
      >
        <div>
          {earlier > 0 ? (
            <div className={styles.earlier}>
              {earlier.toLocaleString()} bytes before this are not shown.{" "}
              <button type="button" onClick={attempting(showEarlier)}>
                Load earlier
              </button>
            </div>
          ) : null}
          <LogLines lines={lines} firstLine={log.firstLine} wrap={wrap} />
          {lines.length === 0 ? (
            <p className={styles.empty}>{waiting || (isComplete ? "It wrote nothing." : "")}</p>
          ) : null}
        </div>
      </section>
    </div>
  );
}

/** useFollowing keeps the end of a view in sight until its reader scrolls up, and again once the end is reached. */
function useFollowing() {
  const [follow, setFollow] = useState(true);
  const view = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  // Blocks get their true height only when they come into view, so the end
  // moves also while no line arrives.
  useEffect(() => {
    const el = view.current;
    if (!follow || !el?.firstElementChild) return;
    const toEnd = () => {
      el.scrollTop = el.scrollHeight;
    };
    const observer = new ResizeObserver(toEnd);
    observer.observe(el.firstElementChild);
    return () => observer.disconnect();
  }, [follow]);
  // Only going up stops following: a log that grows moves the end away by itself.
  const onScroll = () => {
    const el = view.current;
    if (!el) return;
    const atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < nearEndPx;
    if (atEnd) setFollow(true);
    else if (el.scrollTop < lastTop.current) setFollow(false);
    lastTop.current = el.scrollTop;
  };
  return { view, follow, setFollow, onScroll };
}

/** save hands content to the browser as a download. */
function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
