import { Link } from "@tanstack/react-router";
import type { RunSummaryFragment, WorkflowSummaryFragment } from "../gql/graphql";
import { newerRun } from "../services/runState";
import { PauseSwitch } from "./PauseSwitch";
import { ScheduleText } from "./ScheduleText";
import { RunStatus, TaskProgress } from "./Status";
import { Time } from "./Time";
import { TriggerButton } from "./TriggerDialog";
import styles from "./WorkflowTable.module.css";

interface WorkflowTableProps {
  workflows: readonly WorkflowSummaryFragment[];
  /** latest holds newer runs than those of the workflows, by workflow name. */
  latest: ReadonlyMap<string, RunSummaryFragment>;
}

/** WorkflowTable lists workflows with their latest runs. */
export function WorkflowTable({ workflows, latest }: WorkflowTableProps) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Active</th>
            <th scope="col">Workflow</th>
            <th scope="col">Schedule</th>
            <th scope="col">Latest run</th>
            <th scope="col" className={styles.wide}>
              Tasks
            </th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {workflows.map((workflow) => (
            <Row
              key={workflow.id}
              workflow={workflow}
              run={newerRun(workflow.latestRun, latest.get(workflow.name))}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ workflow, run }: { workflow: WorkflowSummaryFragment; run: RunSummaryFragment | null }) {
  return (
    <tr>
      <td>
        <PauseSwitch workflow={workflow} />
      </td>
      <td>
        <div className={styles.name}>
          <Link to="/workflows/$name" params={{ name: workflow.name }}>
            {workflow.name}
          </Link>
          {workflow.tags.map((tag) => (
            <Link key={tag} to="/workflows" search={{ tag }} className={styles.tag}>
              {tag}
            </Link>
          ))}
        </div>
        <div className={styles.description}>
          {[workflow.description, workflow.owner].filter((text) => text !== "").join(" · ")}
        </div>
      </td>
      <td>
        <ScheduleText workflow={workflow} />
      </td>
      <td>
        {run ? (
          <span className={styles.run}>
            <RunStatus run={run} />
            <Link
              to="/workflows/$name/runs/$number"
              params={{ name: workflow.name, number: String(run.number) }}
            >
              #{run.number}
            </Link>
            <span className="muted">
              <Time value={run.startedAt ?? run.createdAt} />
            </span>
          </span>
        ) : (
          <span className="muted">never ran</span>
        )}
      </td>
      <td className={styles.wide}>
        {run ? <TaskProgress states={run.taskStates} total={run.taskCount} /> : null}
      </td>
      <td className={styles.actions}>
        <TriggerButton workflow={workflow} />
      </td>
    </tr>
  );
}
