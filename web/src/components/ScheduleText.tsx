import type { WorkflowSummaryFragment } from "../gql/graphql";
import { useNow } from "../hooks/useNow";
import { Time } from "./Time";

/** ScheduleText says when a workflow starts by itself, when it does so next, and what else starts it. */
export function ScheduleText({ workflow }: { workflow: WorkflowSummaryFragment }) {
  const now = useNow(workflow.schedules.length > 0);
  if (workflow.schedules.length + workflow.triggers.length === 0)
    return <span className="muted">manual</span>;
  const next = workflow.schedules
    .map((s) => s.nextFireAt)
    .filter((at) => at !== null)
    .sort()[0];
  return (
    <div>
      {workflow.schedules.map((s) => (
        <div key={`${s.name} ${s.text}`}>
          {s.name ? <span className="muted">{s.name}: </span> : null}
          <code>{s.text}</code>
        </div>
      ))}
      {workflow.schedules.length === 0 ? null : workflow.isPaused || workflow.retiredAt ? (
        <span className="muted">{workflow.retiredAt ? "retired" : "paused"}: no next run</span>
      ) : next ? (
        <span className="muted">next {Date.parse(next) <= now ? "now" : <Time value={next} />}</span>
      ) : null}
      {workflow.triggers.map((t) => (
        <div key={t.kind}>{t.text}</div>
      ))}
    </div>
  );
}
