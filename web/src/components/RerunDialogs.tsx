import { useState } from "react";
import { useClient } from "urql";
import type { RunSummaryFragment, TaskRowFragment } from "../gql/graphql";
import { type Rerun, useRerun } from "../hooks/useRerun";
import { ClearMutation, MarkMutation, RetryMutation } from "../services/mutations";
import {
  clearInput,
  type MarkStatus,
  markInput,
  nameList,
  retryInput,
  taskActions,
  versionChoice,
} from "../services/rerun";
import { FormDialog } from "./FormDialog";
import styles from "./FormDialog.module.css";
import { CheckField, ReasonField } from "./FormFields";
import type { RunDetail } from "./RunHeader";
import { statusText } from "./Status";

/** RerunProps are what each dialog needs that changes how a run ended or goes on. */
interface RerunProps {
  run: RunSummaryFragment;
  detail: RunDetail;
  /** onDone receives the run as it is after the change. */
  onDone: (run: RunSummaryFragment) => void;
  onClose: () => void;
}

interface TaskRerunProps extends RerunProps {
  task: TaskRowFragment;
}

/** RetryDialog runs again what failed or was cancelled in a run, and what never ran because of it. */
export function RetryDialog({ run, detail, onDone, onClose }: RerunProps) {
  const client = useClient();
  const [latestVersion, setLatest] = useState(false);
  const rerun = useRerun(
    String(latestVersion),
    async (manner) => {
      const input = retryInput(run.id, { latestVersion }, manner);
      const { data, error } = await client.mutation(RetryMutation, { input });
      return { error, payload: data?.retryWorkflowRun };
    },
    onDone,
  );
  return (
    <FormDialog
      title={`Retry what failed in ${run.label}`}
      confirm="Retry"
      {...formOf(rerun)}
      onSubmit={rerun.submit}
      onClose={onClose}
    >
      <LatestField run={run} detail={detail} on={latestVersion} onChange={setLatest} />
      <ReasonField help="For the audit log." reason={rerun.reason} onChange={rerun.setReason} />
      <PlanList plan={rerun.plan} title="Will run again" none="Nothing would run again." />
      <Reopening run={run} />
    </FormDialog>
  );
}

/** ClearDialog runs a task again, and on request all below it. */
export function ClearDialog({ run, detail, task, onDone, onClose }: TaskRerunProps) {
  const client = useClient();
  const [downstream, setDownstream] = useState(false);
  const [latestVersion, setLatest] = useState(false);
  const rerun = useRerun(
    `${downstream} ${latestVersion}`,
    async (manner) => {
      const input = clearInput(run.id, { task: task.name, downstream, latestVersion }, manner);
      const { data, error } = await client.mutation(ClearMutation, { input });
      return { error, payload: data?.clearTaskRuns };
    },
    onDone,
  );
  return (
    <FormDialog
      title={`Clear ${task.name}`}
      confirm="Clear"
      danger
      {...formOf(rerun)}
      onSubmit={rerun.submit}
      onClose={onClose}
    >
      <CheckField label="And all tasks below it" on={downstream} onChange={setDownstream} />
      <LatestField run={run} detail={detail} on={latestVersion} onChange={setLatest} />
      <ReasonField help="For the audit log." reason={rerun.reason} onChange={rerun.setReason} />
      <PlanList plan={rerun.plan} title="Will run again" none="Nothing would run again." />
      <Reopening run={run} />
    </FormDialog>
  );
}

/** MarkDialog ends a task without running it. */
export function MarkDialog({ run, task, onDone, onClose }: TaskRerunProps) {
  const client = useClient();
  // The choices stay as they were when the dialog opened: what was chosen must not become another.
  const [marks] = useState(() => taskActions(task).marks);
  const [status, setStatus] = useState<MarkStatus>(marks[0] ?? "SUCCESS");
  const rerun = useRerun(
    status,
    async (manner) => {
      const input = markInput(run.id, { task: task.name, status }, manner);
      const { data, error } = await client.mutation(MarkMutation, { input });
      return { error, payload: data?.markTaskRuns };
    },
    onDone,
  );
  return (
    <FormDialog
      title={`Mark ${task.name}`}
      confirm={`Mark as ${statusText(status).toLowerCase()}`}
      danger
      {...formOf(rerun)}
      onSubmit={rerun.submit}
      onClose={onClose}
    >
      <fieldset className={styles.choices}>
        <legend>It ends, without running, as</legend>
        {marks.map((mark) => (
          <label key={mark} className={styles.check}>
            <input type="radio" name="status" checked={mark === status} onChange={() => setStatus(mark)} />
            {statusText(mark)}
          </label>
        ))}
      </fieldset>
      {task.status === "RUNNING" ? <p>It runs now: that is stopped.</p> : null}
      <ReasonField help="Shown as the reason of the task." reason={rerun.reason} onChange={rerun.setReason} />
      <PlanList
        plan={rerun.plan}
        besides={task.name}
        title="Gets its turn after all"
        none="What else has ended stays as it is."
      />
    </FormDialog>
  );
}

/** formOf returns what a form says of a change: nothing can be submitted before its plan is there. */
function formOf({ plan, problem }: Rerun) {
  return {
    ready: plan !== null && plan.problem === null && plan.tasks.length > 0,
    problems: problem === null ? [] : [problem],
  };
}

interface LatestFieldProps {
  run: RunSummaryFragment;
  detail: RunDetail;
  on: boolean;
  onChange: (on: boolean) => void;
}

function LatestField({ run, detail, on, onChange }: LatestFieldProps) {
  const latest = detail.workflow.version.number;
  const { isOffered, text } = versionChoice(run, detail.version.number, latest);
  return (
    <CheckField
      label={`With the latest version of the workflow, ${latest}`}
      help={text}
      on={on}
      // What was chosen can be taken back, whatever has changed meanwhile.
      disabled={!isOffered && !on}
      onChange={onChange}
    />
  );
}

interface PlanListProps {
  plan: Rerun["plan"];
  /** besides is the task that is named already. */
  besides?: string;
  title: string;
  none: string;
}

/** PlanList lists the tasks that would change. */
function PlanList({ plan, besides, title, none }: PlanListProps) {
  if (plan === null) return <p role="status">Asking what would change …</p>;
  if (plan.problem !== null) return null;
  const names = plan.tasks.filter((name) => name !== besides);
  if (names.length === 0) return <p role="status">{none}</p>;
  const { shown, more } = nameList(names);
  return (
    <div role="status">
      {title}:
      <ul className={styles.names}>
        {shown.map((name) => (
          <li key={name}>
            <code>{name}</code>
          </li>
        ))}
        {more > 0 ? <li>and {more} more</li> : null}
      </ul>
    </div>
  );
}

function Reopening({ run }: { run: RunSummaryFragment }) {
  if (run.finishedAt === null) return null;
  return (
    <p className="muted">
      The run becomes pending again, as its generation {run.generation + 1}. Earlier attempts and their logs
      stay.
    </p>
  );
}
