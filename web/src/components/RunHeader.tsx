import { useState } from "react";
import { useMutation } from "urql";
import type { RunQuery, RunSummaryFragment } from "../gql/graphql";
import type { LiveStatus } from "../services/live";
import { CancelMutation } from "../services/mutations";
import { problemText } from "../services/problem";
import { runNote } from "../services/runActions";
import { Facts } from "./Facts";
import { LiveMark } from "./LiveMark";
import { Notice } from "./Notice";
import { StatusBadge } from "./Status";
import { Elapsed, Time } from "./Time";

/** RunDetail is what the page asks about a run once, beside what comes live. */
export type RunDetail = NonNullable<NonNullable<RunQuery["workflow"]>["run"]>;

interface RunHeaderProps {
  run: RunSummaryFragment;
  detail: RunDetail;
  live: LiveStatus;
}

/** RunHeader says what a run is and how it stands, and can ask for its end. */
export function RunHeader({ run, detail, live }: RunHeaderProps) {
  const over = run.finishedAt !== null;
  const params = Object.entries(objectOf(detail.params));
  return (
    <>
      <div className="row spread">
        <div className="row">
          <h1>{run.label}</h1>
          <StatusBadge status={run.status} note={runNote(run)} />
          <LiveMark status={live} />
        </div>
        {over ? null : <CancelButton run={run} />}
      </div>
      <Facts
        facts={[
          ["Duration", <Elapsed key="duration" startedAt={run.startedAt} finishedAt={run.finishedAt} />],
          ["Run after", <Time key="after" value={run.runAfter} full />],
          ["Started", run.startedAt ? <Time key="started" value={run.startedAt} full /> : "not yet"],
          ["Finished", run.finishedAt ? <Time key="finished" value={run.finishedAt} full /> : null],
          ["Paused", !over && run.pausedAt ? <Time key="paused" value={run.pausedAt} full /> : null],
          ["Timeout", !over && detail.deadlineAt ? <Time key="deadline" value={detail.deadlineAt} /> : null],
          ["Started by", run.type === "SCHEDULED" ? "schedule" : "hand"],
          ["Version", `${detail.version.number}`],
          ["Generation", run.generation > 1 ? `${run.generation}` : null],
          ...params.map(([name, value]) => [name, <code key={name}>{textOf(value)}</code>] as const),
        ]}
      />
    </>
  );
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function CancelButton({ run }: { run: RunSummaryFragment }) {
  const [{ fetching }, cancel] = useMutation(CancelMutation);
  const [problem, setProblem] = useState<string | null>(null);
  const asked = run.cancelRequestedAt !== null;
  const ask = async () => {
    const { data, error } = await cancel({ input: { id: run.id } });
    setProblem(error ? problemText(error) : (data?.cancelWorkflowRun.userErrors[0]?.message ?? null));
  };
  return (
    <div>
      <button type="button" data-variant="danger" disabled={fetching || asked} onClick={ask}>
        {asked ? "Cancelling …" : "Cancel the run"}
      </button>
      {problem ? <Notice tone="error" title={problem} /> : null}
    </div>
  );
}
