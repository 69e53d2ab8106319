import { useState } from "react";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { MissedSlotsQuery } from "../services/documents";
import { countText, fateText, type SlotRange } from "../services/slots";
import styles from "./NextSlots.module.css";
import { Empty, Loading, QueryError } from "./Notice";
import { Time } from "./Time";

const pollMs = 30_000;

/** MissedSlots lists, once it is opened, the slots of a workflow that have got no run, what its triggers could not start, and why. */
export function MissedSlots({ workflow }: { workflow: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="card" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className={styles.summary}>What has got no run</summary>
      {open ? <Asked workflow={workflow} /> : null}
    </details>
  );
}

function Asked({ workflow }: { workflow: string }) {
  const { data, error } = usePolledQuery(MissedSlotsQuery, { workflow }, pollMs);
  if (error) return <QueryError error={error} />;
  if (!data?.workflow) return <Loading />;
  const { dueSlots, missedSlots } = data.workflow;
  const due = dueSlots.map((range) => ({ ...range, why: `due: ${fateText(range)}` })).reverse();
  const missed = missedSlots.nodes.map((range) => ({ ...range, why: range.text }));
  const rows = [...due, ...missed];
  if (rows.length === 0) return <Empty title="Nothing is without its run" />;
  return <Ranges rows={rows} more={missedSlots.pageInfo.hasNextPage} />;
}

type Row = SlotRange & { schedule?: string | null; first: string; last: string; why: string };

function Ranges({ rows, more }: { rows: Row[]; more: boolean }) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">First</th>
            <th scope="col">Last</th>
            <th scope="col">Count</th>
            <th scope="col">Schedule</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.schedule} ${row.first} ${row.why}`}>
              <td>
                <Time value={row.first} />
              </td>
              <td>
                <Time value={row.last} />
              </td>
              <td className="number">{countText(row)}</td>
              <td className="muted">{row.schedule ?? "–"}</td>
              <td>{row.why}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more ? (
        <p className="muted">Older ones are listed by miniairflow workflows missed, and by the API.</p>
      ) : null}
    </div>
  );
}
