import { useState } from "react";
import { LiveMark } from "../components/LiveMark";
import { Empty, Loading, QueryError } from "../components/Notice";
import { PoolsSection } from "../components/PoolsSection";
import { WorkerTable } from "../components/WorkerTable";
import { useLive } from "../hooks/useLive";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { useTitle } from "../hooks/useTitle";
import { LoadQuery } from "../services/documents";
import { WorkersUpdates } from "../services/subscriptions";
import type { Worker } from "../services/workers";

const pollMs = 3_000;

/** WorkersPage shows who executes tasks, how much work waits, and the pools that bound it. */
export function WorkersPage() {
  useTitle("Workers and pools");
  const [workers, setWorkers] = useState<readonly Worker[] | null>(null);
  const live = useLive({
    document: WorkersUpdates,
    key: "workers",
    variables: () => ({}),
    onData: (batch) => setWorkers(batch.at(-1)?.workersUpdated ?? null),
  });
  const { data, error, refresh } = usePolledQuery(LoadQuery, {}, pollMs);
  return (
    <div className="stack">
      <div className="row">
        <h1>Workers and pools</h1>
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
      {data ? <PoolsSection pools={data.pools} onChange={refresh} /> : null}
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
