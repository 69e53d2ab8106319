import { Link } from "@tanstack/react-router";
import type { RunSummaryFragment } from "../gql/graphql";
import { runNote } from "../services/runActions";
import { StatusBadge, TaskProgress } from "./Status";
import { Elapsed, Time } from "./Time";

/** RunTable lists runs of one workflow. */
export function RunTable({ runs }: { runs: readonly RunSummaryFragment[] }) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">State</th>
            <th scope="col">Run after</th>
            <th scope="col">Started by</th>
            <th scope="col">Duration</th>
            <th scope="col">Tasks</th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <td>
                <Link
                  to="/workflows/$name/runs/$number"
                  params={{ name: run.workflow.name, number: String(run.number) }}
                  className="number"
                >
                  {run.label}
                </Link>
              </td>
              <td>
                <StatusBadge status={run.status} note={runNote(run)} />
              </td>
              <td>
                <Time value={run.runAfter} />
              </td>
              <td>{run.type === "SCHEDULED" ? "schedule" : "hand"}</td>
              <td>
                <Elapsed startedAt={run.startedAt} finishedAt={run.finishedAt} />
              </td>
              <td>
                <TaskProgress states={run.taskStates} total={run.taskCount} />
              </td>
              <td className="muted">{run.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
