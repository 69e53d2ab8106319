import { memo, useState } from "react";
import type { RunSummaryFragment, TaskRowFragment, TaskRunStatus } from "../gql/graphql";
import { StatusBadge, StatusIcon, statusText } from "./Status";
import styles from "./TaskTable.module.css";
import { Elapsed, Time } from "./Time";

// So many rows are drawn at first and with each "show more".
const rowsStep = 300;

interface TaskTableProps {
  run: RunSummaryFragment;
  tasks: readonly TaskRowFragment[];
  /** status restricts the list to one state. */
  status: TaskRunStatus | undefined;
  selected: string | undefined;
  onSelect: (name: string) => void;
  onStatus: (status: TaskRunStatus | undefined) => void;
}

/** TaskTable lists the task runs of a run. */
export function TaskTable({ run, tasks, status, selected, onSelect, onStatus }: TaskTableProps) {
  const [rows, setRows] = useState(rowsStep);
  const found = status ? tasks.filter((task) => task.status === status) : tasks;
  return (
    <section className="card" aria-label="Tasks">
      <div className={styles.head}>
        <h2>Tasks</h2>
        <div className={styles.filters}>
          {run.taskStates.map((s) => (
            <button
              key={s.status}
              type="button"
              data-variant="plain"
              aria-pressed={s.status === status}
              onClick={() => onStatus(s.status === status ? undefined : s.status)}
            >
              <StatusIcon status={s.status} />
              {s.count} {statusText(s.status).toLowerCase()}
            </button>
          ))}
        </div>
      </div>
      <div className="scroll-x">
        <table>
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col">State</th>
              <th scope="col">Started</th>
              <th scope="col">Duration</th>
              <th scope="col">Tries</th>
              <th scope="col">Reason</th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, rows).map((task) => (
              <Row key={task.id} task={task} selected={task.name === selected} onSelect={onSelect} />
            ))}
          </tbody>
        </table>
      </div>
      {found.length === 0 ? <p className={styles.none}>{noneText(run, status)}</p> : null}
      {found.length > rows ? (
        <div className={styles.none}>
          <button type="button" onClick={() => setRows(rows + rowsStep)}>
            Show {Math.min(rowsStep, found.length - rows)} more of {found.length}
          </button>
        </div>
      ) : null}
    </section>
  );
}

function noneText(run: RunSummaryFragment, status: TaskRunStatus | undefined): string {
  if (status) return `No task is ${statusText(status).toLowerCase()} now.`;
  if (run.status === "PENDING") return "The tasks are made when the run starts.";
  return run.taskCount === 0 ? "It has no tasks." : "Loading …";
}

interface RowProps {
  task: TaskRowFragment;
  selected: boolean;
  onSelect: (name: string) => void;
}

// A run with thousands of tasks draws only the rows that changed.
const Row = memo(function Row({ task, selected, onSelect }: RowProps) {
  return (
    <tr data-selected={selected} className={styles.row}>
      <td>
        <button
          type="button"
          className={styles.name}
          aria-current={selected ? "true" : undefined}
          onClick={() => onSelect(task.name)}
        >
          {task.name}
        </button>
      </td>
      <td>
        <StatusBadge status={task.status} />
      </td>
      <td>{task.startedAt ? <Time value={task.startedAt} /> : <span className="muted">–</span>}</td>
      <td>
        <Elapsed startedAt={task.startedAt} finishedAt={task.finishedAt} />
      </td>
      <td className="number">{task.attempt}</td>
      <td className="muted">
        {task.reason}
        {task.nextRetryAt ? (
          <>
            {" "}
            again <Time value={task.nextRetryAt} />
          </>
        ) : null}
      </td>
    </tr>
  );
});
