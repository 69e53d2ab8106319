import type { ReactNode } from "react";
import type {
  BackfillStatus,
  RunSummaryFragment,
  TaskAttemptStatus,
  TaskRunStatus,
  WorkerStatus,
  WorkflowRunStatus,
} from "../gql/graphql";
import { runNote } from "../services/runActions";
import styles from "./Status.module.css";

/** AnyStatus is a state of a run, a task run, an attempt, a worker or a backfill. */
export type AnyStatus = WorkflowRunStatus | TaskRunStatus | TaskAttemptStatus | WorkerStatus | BackfillStatus;

type Tone = "queued" | "running" | "success" | "failed" | "retry" | "skipped" | "upstream";

interface Look {
  text: string;
  tone: Tone;
  icon: ReactNode;
}

const check = <path d="M4.5 8.2l2.4 2.4 4.6-5" />;
const cross = <path d="M5.2 5.2l5.6 5.6m0-5.6l-5.6 5.6" />;
const clock = <path d="M8 4.8V8l2.2 1.4" />;
const bar = <path d="M5 8h6" />;
const looks: Record<AnyStatus, Look> = {
  PENDING: { text: "Pending", tone: "queued", icon: <path d="M5.5 8h.01M8 8h.01M10.5 8h.01" /> },
  QUEUED: { text: "Queued", tone: "queued", icon: clock },
  RUNNING: { text: "Running", tone: "running", icon: <path d="M8 3.6A4.4 4.4 0 1 1 3.6 8" /> },
  WAITING: { text: "Waiting", tone: "queued", icon: <path d="M5.4 4.4h5.2L8 8l2.6 3.6H5.4L8 8z" /> },
  UP_FOR_RETRY: {
    text: "Up for retry",
    tone: "retry",
    icon: <path d="M11 6.2A3.6 3.6 0 1 0 11.4 9M11.3 4.2v2.2H9.1" />,
  },
  SUCCESS: { text: "Success", tone: "success", icon: check },
  FAILED: { text: "Failed", tone: "failed", icon: cross },
  CANCELLED: { text: "Cancelled", tone: "queued", icon: <path d="M6 6h4v4H6z" /> },
  SKIPPED: { text: "Skipped", tone: "skipped", icon: <path d="M5 5.2L8 8l-3 2.8M8.2 5.2L11.2 8l-3 2.8" /> },
  UPSTREAM_FAILED: { text: "Upstream failed", tone: "upstream", icon: <path d="M8 4.6v4M8 11.2h.01" /> },
  TIMED_OUT: { text: "Timed out", tone: "failed", icon: clock },
  LOST: {
    text: "Lost",
    tone: "upstream",
    icon: <path d="M6.4 6.3a1.7 1.7 0 1 1 2.4 1.6c-.6.3-.8.6-.8 1.2M8 11.4h.01" />,
  },
  ACTIVE: { text: "Active", tone: "success", icon: check },
  DRAINING: { text: "Draining", tone: "retry", icon: clock },
  FINISHED: { text: "Finished", tone: "queued", icon: check },
  INACTIVE: { text: "Inactive", tone: "queued", icon: bar },
};

/** statusText returns the state as people read it. */
export function statusText(status: AnyStatus): string {
  return looks[status].text;
}

/** statusTone returns the name of the state's colour. */
export function statusTone(status: AnyStatus): string {
  return looks[status].tone;
}

/** StatusIcon is the state's sign. Beside it stands a text, or hidden says it. */
export function StatusIcon({ status }: { status: AnyStatus }) {
  return (
    <svg
      className={styles.icon}
      viewBox="0 0 16 16"
      data-tone={statusTone(status)}
      data-status={status}
      aria-hidden="true"
    >
      <circle cx="8" cy="8" r="7.2" />
      <g>{looks[status].icon}</g>
    </svg>
  );
}

/** StatusBadge shows a state by icon and text. */
export function StatusBadge({ status, note }: { status: AnyStatus; note?: string | undefined }) {
  return (
    <span className={styles.badge} data-tone={statusTone(status)} data-status={status}>
      <StatusIcon status={status} />
      {statusText(status)}
      {note ? <span className={styles.note}>{note}</span> : null}
    </span>
  );
}

/** RunStatus shows the state of a run, and whether it was not over at a deadline. */
export function RunStatus({ run }: { run: RunSummaryFragment }) {
  return (
    <span className={styles.run}>
      <StatusBadge status={run.status} note={runNote(run)} />
      {run.lateAt === null ? null : (
        <span
          className={styles.late}
          data-tone="retry"
          title="It, or a task of it, was not over at its deadline"
        >
          late
        </span>
      )}
    </span>
  );
}

// What is over comes first, so the bar fills from the left.
const barOrder: readonly TaskRunStatus[] = [
  "SUCCESS",
  "FAILED",
  "UPSTREAM_FAILED",
  "CANCELLED",
  "SKIPPED",
  "RUNNING",
  "WAITING",
  "UP_FOR_RETRY",
  "QUEUED",
  "PENDING",
];

/** TaskProgress shows how many tasks of a run are in each state, as a bar with its text. */
export function TaskProgress({
  states,
  total,
}: {
  states: { status: TaskRunStatus; count: number }[];
  total: number;
}) {
  if (total === 0) return <span className="muted">no tasks yet</span>;
  const parts = barOrder.flatMap((status) => states.filter((s) => s.status === status));
  const text = parts.map((s) => `${s.count} ${statusText(s.status).toLowerCase()}`).join(", ");
  const done = states.find((s) => s.status === "SUCCESS")?.count ?? 0;
  const bar = parts.map((s) => ({ key: s.status, tone: statusTone(s.status), count: s.count }));
  return <ProgressBar parts={bar} done={done} total={total} text={text} />;
}

interface ProgressBarProps {
  /** parts are drawn from left to right, each as wide as its count. One without a tone is what is to come. */
  parts: readonly { key: string; tone: string | undefined; count: number }[];
  done: number;
  total: number;
  /** text says all of it to those who do not see the bar. */
  text: string;
}

/** ProgressBar shows how far something is that consists of many. */
export function ProgressBar({ parts, done, total, text }: ProgressBarProps) {
  return (
    <span className={styles.progress} title={text}>
      <span className={styles.bar} aria-hidden="true">
        {parts.map(({ key, tone, count }) => (
          <span key={key} data-tone={tone} style={{ flexGrow: count }} />
        ))}
      </span>
      <span className="number muted" aria-hidden="true">
        {done}/{total}
      </span>
      <span className="visually-hidden">{text}</span>
    </span>
  );
}
