import { useState } from "react";
import type { NextSlotsQuery as NextSlotsData } from "../gql/graphql";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { NextSlotsQuery } from "../services/documents";
import { formatInZone } from "../services/time";
import styles from "./NextSlots.module.css";
import { Empty, Loading, QueryError } from "./Notice";
import { Time } from "./Time";

const pollMs = 30_000;

/** NextSlots lists, once it is opened, when a workflow starts by itself next, and what clock changes do to it. */
export function NextSlots({ workflow }: { workflow: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="card" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className={styles.summary}>Next slots</summary>
      {open ? <Asked workflow={workflow} /> : null}
    </details>
  );
}

function Asked({ workflow }: { workflow: string }) {
  const { data, error } = usePolledQuery(NextSlotsQuery, { workflow }, pollMs);
  if (error) return <QueryError error={error} />;
  if (!data) return <Loading />;
  if (data.nextSlots.length === 0) return <Empty title="Its schedules are over: none fires again" />;
  return <Slots slots={data.nextSlots} />;
}

function Slots({ slots }: { slots: NextSlotsData["nextSlots"] }) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Slot</th>
            <th scope="col">In the schedule's zone</th>
            <th scope="col">Schedule</th>
            <th scope="col">Clock change</th>
          </tr>
        </thead>
        <tbody>
          {slots.map((slot) => (
            <tr key={`${slot.at} ${slot.schedule}`}>
              <td>
                <Time value={slot.at} />
              </td>
              <td className="number">{formatInZone(Date.parse(slot.at), slot.timezone)}</td>
              <td>
                {slot.schedule ? <span className="muted">{slot.schedule}: </span> : null}
                <code>{slot.times}</code>
              </td>
              <td className="muted">{slot.note}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
