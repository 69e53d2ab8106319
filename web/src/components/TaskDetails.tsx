import type { TaskRowFragment } from "../gql/graphql";
import { formatBytes, hiddenText } from "../services/artifacts";
import { formatDuration } from "../services/time";
import { Facts } from "./Facts";
import { RunLink } from "./RunLink";
import { StatusBadge } from "./Status";
import styles from "./TaskDetails.module.css";
import type { TaskRunDetail } from "./TaskPanel";
import { Elapsed, Time } from "./Time";

/** TaskDetails shows everything about a task run but its log. */
export function TaskDetails({ task, detail }: { task: TaskRowFragment; detail: TaskRunDetail }) {
  const { task: definition, attempts, artifacts } = detail;
  return (
    <div className={styles.details}>
      {definition.description ? <p>{definition.description}</p> : null}
      <Facts
        facts={[
          ["Reason", task.reason],
          ["Waiting", detail.waitReason],
          ["Child run", detail.childRun ? <RunLink key="child" run={detail.childRun} /> : null],
          ["Duration", <Elapsed key="duration" startedAt={task.startedAt} finishedAt={task.finishedAt} />],
          ["Queued", task.queuedAt ? <Time key="queued" value={task.queuedAt} full /> : null],
          ["Started", task.startedAt ? <Time key="started" value={task.startedAt} full /> : null],
          ["Finished", task.finishedAt ? <Time key="finished" value={task.finishedAt} full /> : null],
          ["Next try", task.nextRetryAt ? <Time key="retry" value={task.nextRetryAt} full /> : null],
          ["Exit code", task.exitCode],
          ["Group", definition.group],
          ["Depends on", detail.dependsOn.length > 0 ? detail.dependsOn.join(", ") : null],
          [
            "Trigger rule",
            detail.dependsOn.length > 0 ? (
              <code key="rule">{definition.triggerRule.toLowerCase()}</code>
            ) : null,
          ],
          ["Condition", definition.when ? <code key="when">{definition.when}</code> : null],
          ["Retries", `${definition.retry.count}`],
          [
            "Timeout",
            definition.timeoutSeconds === null ? null : formatDuration(definition.timeoutSeconds * 1000),
          ],
          ["Queue", detail.queue],
        ]}
      />
      {definition.command ? (
        <section>
          <h3>Command</h3>
          <pre className={styles.code}>{commandText(definition.command)}</pre>
        </section>
      ) : null}
      <section>
        <h3>Outputs</h3>
        {detail.outputs === null ? (
          <p className="muted">none</p>
        ) : (
          <pre className={styles.code}>{JSON.stringify(detail.outputs, null, 2)}</pre>
        )}
      </section>
      {artifacts.totalCount > 0 ? (
        <section>
          <h3>Artifacts</h3>
          <Artifacts artifacts={artifacts} />
        </section>
      ) : null}
      <section>
        <h3>Attempts</h3>
        {attempts.length === 0 ? <p className="muted">none yet</p> : <Attempts attempts={attempts} />}
      </section>
    </div>
  );
}

function commandText(command: NonNullable<TaskRunDetail["task"]["command"]>): string {
  return command.script ?? (command.argv ?? []).join(" ");
}

function Artifacts({ artifacts }: { artifacts: TaskRunDetail["artifacts"] }) {
  const more = hiddenText(artifacts.nodes.length, artifacts.totalCount, artifacts.totalCountIsExact);
  return (
    <>
      <ul className={styles.files}>
        {artifacts.nodes.map((a) => (
          <li key={a.name}>
            <a href={a.url} download title={`SHA-256 ${a.sha256}`}>
              {a.name}
            </a>{" "}
            <span className="muted">{formatBytes(a.size)}</span>
          </li>
        ))}
      </ul>
      {more ? (
        <p className="muted">
          {more}: <code>miniairflow runs artifacts</code> has all of them.
        </p>
      ) : null}
    </>
  );
}

function Attempts({ attempts }: { attempts: TaskRunDetail["attempts"] }) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Attempt</th>
            <th scope="col">State</th>
            <th scope="col">Duration</th>
            <th scope="col">Exit code</th>
            <th scope="col">Worker</th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((a) => (
            <tr key={a.number}>
              <td className="number">{a.number}</td>
              <td>
                <StatusBadge status={a.status} />
              </td>
              <td>
                <Elapsed startedAt={a.startedAt} finishedAt={a.finishedAt} />
              </td>
              <td className="number">{a.exitCode ?? "–"}</td>
              <td>{a.worker}</td>
              <td className="muted">{a.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
