import { useState } from "react";
import { LiveMark } from "../components/LiveMark";
import { Empty, Loading, QueryError } from "../components/Notice";
import { StatusBadge } from "../components/Status";
import { Time } from "../components/Time";
import type { WorkersUpdatesSubscription } from "../gql/graphql";
import { useLive } from "../hooks/useLive";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { useTitle } from "../hooks/useTitle";
import { QueueDepthsQuery, WorkersUpdates } from "../services/documents";

const pollMs = 3_000;

type Worker = WorkersUpdatesSubscription["workersUpdated"][number];

/** WorkersPage shows who executes tasks, and how much work waits. */
export function WorkersPage() {
  useTitle("Workers");
  const [workers, setWorkers] = useState<readonly Worker[] | null>(null);
  const live = useLive({
    document: WorkersUpdates,
    key: "workers",
    variables: () => ({}),
    onData: (batch) => setWorkers(batch.at(-1)?.workersUpdated ?? null),
  });
  const { data, error } = usePolledQuery(QueueDepthsQuery, {}, pollMs);
  return (
    <div className="stack">
      <div className="row">
        <h1>Workers</h1>
        <LiveMark status={live.status} />
      </div>
      {error ? <QueryError error={error} /> : null}
      <p className="muted">
        {data && data.queueDepths.length > 0
          ? `Waiting for a worker: ${data.queueDepths.map((q) => `${q.depth} in ${q.queue}`).join(", ")}`
          : "No task waits for a worker."}
      </p>
      <section className="card" aria-label="Workers">
        {workers === null ? (
          error ? null : (
            <Loading />
          )
        ) : workers.length > 0 ? (
          <WorkerTable workers={workers} />
        ) : (
          <NoWorkers />
        )}
      </section>
    </div>
  );
}

function NoWorkers() {
  return (
    <Empty title="No worker is there">
      <p>Tasks wait until one comes. Start one on any machine that reaches the database:</p>
      <pre>miniairflow worker --database-url postgres://… --concurrency 8</pre>
    </Empty>
  );
}

function WorkerTable({ workers }: { workers: readonly Worker[] }) {
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
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.id}>
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
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
