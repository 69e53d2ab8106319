import { useEffect, useEffectEvent } from "react";
import { useQuery } from "urql";
import type { RunSummaryFragment, TaskRowFragment, TaskRunQuery as TaskRunData } from "../gql/graphql";
import { TaskRunQuery } from "../services/documents";
import type { RunSearch } from "../services/search";
import { ApprovalActions } from "./ApprovalActions";
import { LogView } from "./LogView";
import { Loading, QueryError } from "./Notice";
import type { RunDetail } from "./RunHeader";
import { StatusBadge, statusText } from "./Status";
import { TaskActions } from "./TaskActions";
import { TaskDetails } from "./TaskDetails";
import styles from "./TaskPanel.module.css";

/** TaskRunDetail is what the panel asks about a task run, beside what comes live. */
export type TaskRunDetail = NonNullable<TaskRunData["taskRun"]>;

interface TaskPanelProps {
  run: RunSummaryFragment;
  detail: RunDetail;
  task: TaskRowFragment;
  /** attempt is the one whose log is shown; undefined: the latest. */
  attempt: number | undefined;
  tab: RunSearch["tab"];
  onChange: (next: RunSearch) => void;
  /** onRunChange receives the run as it is after a change that was asked for here. */
  onRunChange: (run: RunSummaryFragment) => void;
  onClose: () => void;
}

/** TaskPanel shows one task run: its log first, then all about it. */
export function TaskPanel(props: TaskPanelProps) {
  const { task, attempt, tab, onChange, onClose } = props;
  const [{ data, error }, refresh] = useQuery({ query: TaskRunQuery, variables: { id: task.id } });
  const ask = useEffectEvent(() => refresh({ requestPolicy: "network-only" }));
  // The run's subscription says that the task has changed; the rest is asked then.
  const changed = `${task.status} ${task.attempt}`;
  useEffect(() => {
    if (changed) ask();
  }, [changed]);
  // What it waits for changes while it stays as it is.
  const waits = ["PENDING", "QUEUED", "WAITING"].includes(task.status);
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setInterval(() => ask(), waitRefresh);
    return () => clearInterval(timer);
  }, [waits]);

  const detail = data?.taskRun;
  const attempts = detail?.attempts ?? [];
  // An address may name an attempt that is not there.
  const shown = Math.min(attempt ?? task.attempt, task.attempt);
  return (
    <section className={`card ${styles.panel}`} aria-label={`Task ${task.name}`}>
      <div className={styles.head}>
        <h2>{task.name}</h2>
        <StatusBadge status={task.status} />
        <div className={styles.tabs}>
          <button type="button" aria-pressed={tab !== "details"} onClick={() => onChange({ tab: undefined })}>
            Log
          </button>
          <button type="button" aria-pressed={tab === "details"} onClick={() => onChange({ tab: "details" })}>
            Details
          </button>
          {attempts.length > 1 ? (
            <AttemptSelect
              attempts={attempts}
              shown={shown}
              onChange={(next) => onChange({ attempt: next === task.attempt ? undefined : next })}
            />
          ) : null}
        </div>
        <button type="button" data-variant="plain" aria-label="Close the panel" onClick={onClose}>
          <span aria-hidden="true">✕</span>
        </button>
      </div>
      <TaskActions run={props.run} detail={props.detail} task={task} onChange={props.onRunChange} />
      {task.status === "WAITING" && detail?.task.approval ? (
        <ApprovalActions
          run={props.run}
          task={task}
          params={detail.task.approval.fields}
          approvers={detail.task.approval.approvers}
          onChange={props.onRunChange}
        />
      ) : null}
      {error && !detail ? <QueryError error={error} /> : null}
      {tab === "details" ? (
        detail ? (
          <TaskDetails task={task} detail={detail} />
        ) : (
          <Loading />
        )
      ) : (
        <LogView
          key={shown}
          taskRunId={task.id}
          taskName={task.name}
          attempt={shown}
          waiting={waitText(task, detail?.waitReason)}
        />
      )}
    </section>
  );
}

interface AttemptSelectProps {
  attempts: TaskRunDetail["attempts"];
  shown: number;
  onChange: (attempt: number) => void;
}

function AttemptSelect({ attempts, shown, onChange }: AttemptSelectProps) {
  return (
    <select aria-label="Attempt" value={shown} onChange={(e) => onChange(Number(e.target.value))}>
      {attempts.map((a) => (
        <option key={a.number} value={a.number}>
          Attempt {a.number}: {statusText(a.status).toLowerCase()}
        </option>
      ))}
    </select>
  );
}

/** waitRefresh is how often the reason of a waiting task is asked for, in milliseconds. */
const waitRefresh = 3000;

/** waitText says what an empty log waits for, or that there will be none; empty once an attempt is over. */
function waitText(task: TaskRowFragment, reason: string | null | undefined): string {
  const waits = ["PENDING", "QUEUED", "WAITING", "UP_FOR_RETRY"].includes(task.status);
  if (waits && reason) {
    return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
  }
  switch (task.status) {
    case "PENDING":
      return "It waits for the tasks before it.";
    case "QUEUED":
      return "It waits for a worker.";
    case "WAITING":
      return "It waits, and looks again later.";
    case "UP_FOR_RETRY":
      return "It waits for its next attempt.";
    case "RUNNING":
      return "It runs and has written nothing yet.";
    default:
      return task.attempt === 0 ? "It did not run." : "";
  }
}
