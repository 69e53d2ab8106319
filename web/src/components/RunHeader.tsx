import { Link } from "@tanstack/react-router";
import type { RunQuery, RunSummaryFragment } from "../gql/graphql";
import type { LiveStatus } from "../services/live";
import { starterOf } from "../services/starter";
import { objectOf, valueText } from "../services/values";
import { Facts } from "./Facts";
import { LiveMark } from "./LiveMark";
import { RunActions } from "./RunActions";
import { RunLink } from "./RunLink";
import { RunStatus } from "./Status";
import { Elapsed, Time } from "./Time";

/** RunDetail is what the page asks about a run once, beside what comes live. */
export type RunDetail = NonNullable<NonNullable<RunQuery["workflow"]>["run"]>;

interface RunHeaderProps {
  run: RunSummaryFragment;
  detail: RunDetail;
  live: LiveStatus;
  /** onChange receives the run as it is after a change that was asked for here. */
  onChange: (run: RunSummaryFragment) => void;
}

/** RunHeader says what a run is and how it stands, and has the buttons that steer it. */
export function RunHeader({ run, detail, live, onChange }: RunHeaderProps) {
  const over = run.finishedAt !== null;
  const params = Object.entries(objectOf(detail.params));
  const outputs = Object.entries(objectOf(detail.outputs));
  return (
    <>
      <div className="row spread">
        <div className="row">
          <h1>{run.label}</h1>
          <RunStatus run={run} />
          <LiveMark status={live} />
        </div>
        <RunActions run={run} detail={detail} onChange={onChange} />
      </div>
      <Facts
        facts={[
          ["Duration", <Elapsed key="duration" startedAt={run.startedAt} finishedAt={run.finishedAt} />],
          ["Logical date", <Time key="logical" value={run.logicalDate} full />],
          ["Run after", <Time key="after" value={run.runAfter} full />],
          ["Started", run.startedAt ? <Time key="started" value={run.startedAt} full /> : "not yet"],
          ["Finished", run.finishedAt ? <Time key="finished" value={run.finishedAt} full /> : null],
          ["Paused", !over && run.pausedAt ? <Time key="paused" value={run.pausedAt} full /> : null],
          ["Timeout", !over && detail.deadlineAt ? <Time key="deadline" value={detail.deadlineAt} /> : null],
          ["Late", detail.lateMarks.length > 0 ? <LateMarks key="late" marks={detail.lateMarks} /> : null],
          ["Started by", detail.parent ? <Parent key="parent" task={detail.parent} /> : starterOf(run.cause)],
          ["Backfill", detail.backfill ? <BackfillLink key="backfill" backfill={detail.backfill} /> : null],
          ["Version", `${detail.version.number}`],
          ["Generation", run.generation > 1 ? `${run.generation}` : null],
          ...params.map(([name, value]) => [name, <code key={name}>{valueText(value)}</code>] as const),
          ...outputs.map(
            ([name, value]) =>
              [`Output ${name}`, <code key={`output ${name}`}>{valueText(value)}</code>] as const,
          ),
          ["Outputs", detail.outputsError ? `cannot be computed: ${detail.outputsError}` : null],
        ]}
      />
    </>
  );
}

// Where very many tasks are late, the first ones say enough.
const marksMax = 10;

/** LateMarks says what was not over when. */
function LateMarks({ marks }: { marks: RunDetail["lateMarks"] }) {
  const more = marks.length - marksMax;
  return (
    <>
      {marks.slice(0, marksMax).map(({ task, deadline }) => (
        <div key={task ?? ""}>
          {task === null ? "the run" : `task ${task}`} was due <Time value={deadline} full />
        </div>
      ))}
      {more > 0 ? <div>and {more} more</div> : null}
    </>
  );
}

function Parent({ task }: { task: NonNullable<RunDetail["parent"]> }) {
  return (
    <>
      {task.name} of <RunLink run={task.workflowRun} />
    </>
  );
}

function BackfillLink({ backfill }: { backfill: NonNullable<RunDetail["backfill"]> }) {
  return (
    <Link
      to="/workflows/$name/backfills/$backfill"
      params={{ name: backfill.workflow.name, backfill: backfill.name }}
    >
      {backfill.name}
    </Link>
  );
}
