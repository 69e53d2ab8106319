import type { RunSummaryFragment } from "../gql/graphql";
import { dateText } from "../services/backfills";
import { starterOf } from "../services/starter";
import { formatAbsolute } from "../services/time";
import { RunLink } from "./RunLink";
import { RunStatus, TaskProgress } from "./Status";
import { Elapsed, Time } from "./Time";

interface RunTableProps {
  runs: readonly RunSummaryFragment[];
  /** zone: the runs are those of a backfill, and their dates are told by the clocks of this zone. */
  zone?: string;
}

/** RunTable lists runs of one workflow. */
export function RunTable({ runs, zone }: RunTableProps) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">State</th>
            {zone === undefined ? (
              <>
                <th scope="col">Logical date</th>
                <th scope="col">Run after</th>
                <th scope="col">Started by</th>
              </>
            ) : (
              <th scope="col">Date ({zone})</th>
            )}
            <th scope="col">Duration</th>
            <th scope="col">Tasks</th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <td>
                <RunLink run={run} />
              </td>
              <td>
                <RunStatus run={run} />
              </td>
              {zone === undefined ? (
                <>
                  <td className="number">{formatAbsolute(Date.parse(run.logicalDate))}</td>
                  <td>
                    <Time value={run.runAfter} />
                  </td>
                  <td>{starterOf(run.cause)}</td>
                </>
              ) : (
                <td className="number">{dateText(run.logicalDate, zone)}</td>
              )}
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
