import { useState } from "react";
import { canDrain, type Worker } from "../services/workers";
import { DrainDialog } from "./DrainDialog";
import { StatusBadge } from "./Status";
import { Time } from "./Time";

/** WorkerTable lists workers, and lets each that is active be drained. */
export function WorkerTable({ workers }: { workers: readonly Worker[] }) {
  const [leaving, setLeaving] = useState<Worker | null>(null);
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">State</th>
            <th scope="col">Running</th>
            <th scope="col">Queues</th>
            <th scope="col">Host</th>
            <th scope="col">Version</th>
            <th scope="col">Started</th>
            <th scope="col">Last heard of</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <Row key={worker.id} worker={worker} onDrain={setLeaving} />
          ))}
        </tbody>
      </table>
      {leaving ? <DrainDialog worker={leaving} workers={workers} onClose={() => setLeaving(null)} /> : null}
    </div>
  );
}

function Row({ worker, onDrain }: { worker: Worker; onDrain: (worker: Worker) => void }) {
  return (
    <tr>
      <td>
        <strong>{worker.name}</strong>
      </td>
      <td>
        <StatusBadge status={worker.status} />
      </td>
      <td className="number">
        {worker.running} of {worker.concurrency}
      </td>
      <td>{worker.queues.join(", ")}</td>
      <td>
        {worker.hostname} <span className="muted number">pid {worker.pid}</span>
      </td>
      <td className="muted">{worker.version}</td>
      <td>
        <Time value={worker.startedAt} />
      </td>
      <td>
        <Time value={worker.lastHeartbeat} />
      </td>
      <td>
        {canDrain(worker) ? (
          <button type="button" aria-label={`Drain ${worker.name}`} onClick={() => onDrain(worker)}>
            Drain …
          </button>
        ) : null}
      </td>
    </tr>
  );
}
