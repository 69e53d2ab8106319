import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useMutation } from "urql";
import type { WorkflowSummaryFragment } from "../gql/graphql";
import { type BackfillPlan, useBackfillPlan } from "../hooks/useBackfillPlan";
import { CreateBackfillMutation } from "../services/backfillDocuments";
import {
  type BackfillForm,
  createInput,
  emptyForm,
  type FormProblem,
  formProblem,
  isThere,
  madeName,
  planInput,
  type ScheduleChoice,
  scheduleChoices,
  serverProblems,
  type Texts,
} from "../services/backfillForm";
import { newKey } from "../services/key";
import { type ParamField, paramFields } from "../services/paramForm";
import { problemText } from "../services/problem";
import { BackfillDates } from "./BackfillDates";
import { FormDialog } from "./FormDialog";
import styles from "./FormDialog.module.css";
import { MomentField, ReasonField, SelectField, TextField } from "./FormFields";
import { ParamInput } from "./ParamInput";

type Schedulable = Pick<
  WorkflowSummaryFragment,
  "name" | "params" | "schedules" | "isPaused" | "isActive" | "retiredAt"
>;

/** NewBackfillButton opens the dialog that makes a backfill. */
export function NewBackfillButton({ workflow }: { workflow: Schedulable }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" disabled={workflow.retiredAt !== null} onClick={() => setOpen(true)}>
        New backfill …
      </button>
      {open ? <NewBackfillDialog workflow={workflow} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

/** useNewBackfill holds the form and its plan, and leads to the backfill that it has made. */
function useNewBackfill(workflow: Schedulable) {
  const navigate = useNavigate();
  const [choices] = useState(() => scheduleChoices(workflow.schedules));
  const [fields] = useState(() => paramFields(workflow.params));
  const [form, setForm] = useState(() => emptyForm(choices));
  const [texts, setTexts] = useState<Texts>({});
  const [refused, setRefused] = useState<{ key: string; problems: readonly FormProblem[] } | null>(null);
  const [key] = useState(newKey);
  // What was sent before: the same again finds what was made, though its answer was lost.
  const sent = useRef(new Set<string>());
  const [, create] = useMutation(CreateBackfillMutation);
  const asked = planInput(workflow.name, form, fields, texts);
  const plan = useBackfillPlan(asked);

  const now = JSON.stringify([form, texts]);
  const refuse = (...problems: FormProblem[]) => {
    setRefused({ key: now, problems });
    return false;
  };
  const submit = async () => {
    const wrong = formProblem(form);
    if (wrong || asked === null) return refuse(...(wrong ? [wrong] : []));
    const input = createInput(asked, form, madeName(form, key));
    const request = JSON.stringify(input);
    const isAgain = sent.current.has(request);
    sent.current.add(request);
    const { data, error } = await create({ input });
    const answer = data?.createBackfill;
    if (error || !answer?.backfill) {
      return refuse(
        ...(error ? [{ field: "", message: problemText(error) }] : serverProblems(answer?.userErrors ?? [])),
      );
    }
    if (!answer.isNew && !isAgain) {
      sent.current.delete(request);
      return refuse(isThere(answer.backfill.name));
    }
    await navigate({
      to: "/workflows/$name/backfills/$backfill",
      params: { name: workflow.name, backfill: answer.backfill.name },
    });
    return true;
  };
  const problems = (refused?.key === now ? refused.problems : null) ?? plan?.problems ?? [];
  const set = (change: Partial<BackfillForm>) => setForm((old) => ({ ...old, ...change }));
  const setText = (name: string, text: string) => setTexts((old) => ({ ...old, [name]: text }));
  return { choices, fields, form, set, texts, setText, asked, plan, problems, submit };
}

const ownFields = ["from", "to", "mode", "order", "concurrency", "name"];

function NewBackfillDialog({ workflow, onClose }: { workflow: Schedulable; onClose: () => void }) {
  const { choices, fields, form, set, texts, setText, asked, plan, problems, submit } =
    useNewBackfill(workflow);
  const errorOf = (field: string) => problems.find((p) => p.field === field)?.message;
  const choosable = choices.length > 1;
  const known = [...ownFields, ...fields.map((f) => `params.${f.name}`), ...(choosable ? ["schedule"] : [])];
  const timezone = choices.find((c) => c.name === form.schedule)?.timezone ?? "UTC";
  return (
    <FormDialog
      title={`New backfill of ${workflow.name}`}
      confirm="Create"
      wide
      ready={isReady(plan)}
      problems={problems.filter((p) => !known.includes(p.field)).map((p) => p.message)}
      onSubmit={submit}
      onClose={onClose}
    >
      <p className="muted">{introOf(workflow)}</p>
      {choosable ? (
        <ScheduleField
          choices={choices}
          value={form.schedule}
          error={errorOf("schedule")}
          onChange={(schedule) => set({ schedule })}
        />
      ) : null}
      <RangeFields form={form} set={set} errorOf={errorOf} timezone={timezone} />
      <MannerFields form={form} set={set} errorOf={errorOf} />
      <ParamFields fields={fields} texts={texts} setText={setText} errorOf={errorOf} />
      <div className={styles.columns}>
        <TextField
          label="Name (optional)"
          text={form.name}
          error={errorOf("name")}
          help="By which it is found again, such as march. Empty: one is made up."
          onChange={(name) => set({ name })}
        />
        <ReasonField
          help="Shown with it, and in the audit log."
          reason={form.reason}
          onChange={(reason) => set({ reason })}
        />
      </div>
      <BackfillDates plan={plan} asked={asked !== null} timezone={timezone} />
    </FormDialog>
  );
}

/** isReady: nothing can be created before its dates are known. */
function isReady(plan: BackfillPlan | null): boolean {
  return plan !== null && plan.problems.length === 0;
}

function introOf({ isActive, isPaused }: Schedulable): string {
  const what =
    "Makes runs for the slots of the schedule in a range of the past. Their tasks come after all others.";
  if (!isActive) return `${what} The workflow is not active: the backfill waits until it is.`;
  return isPaused ? `${what} The workflow is paused: the backfill waits until the pause is lifted.` : what;
}

interface ScheduleFieldProps {
  choices: readonly ScheduleChoice[];
  value: string;
  error: string | undefined;
  onChange: (name: string) => void;
}

function ScheduleField({ choices, value, error, onChange }: ScheduleFieldProps) {
  const options = choices.map(({ name }) => [name, name === "" ? "The one without a name" : name] as const);
  return <SelectField label="Schedule" value={value} options={options} error={error} onChange={onChange} />;
}

/** FieldsProps are what each part of the form needs. */
interface FieldsProps {
  form: BackfillForm;
  set: (change: Partial<BackfillForm>) => void;
  errorOf: (field: string) => string | undefined;
}

interface RangeFieldsProps extends FieldsProps {
  timezone: string;
}

function RangeFields({ form, set, errorOf, timezone }: RangeFieldsProps) {
  return (
    <div className={styles.columns}>
      <MomentField
        label="From"
        help={`By the clocks of ${timezone}. Without a time: from the day's first moment.`}
        error={errorOf("from")}
        date={form.fromDate}
        time={form.fromTime}
        onDate={(fromDate) => set({ fromDate })}
        onTime={(fromTime) => set({ fromTime })}
      />
      <MomentField
        label="To"
        help="Without a time: the whole day."
        error={errorOf("to")}
        date={form.toDate}
        time={form.toTime}
        onDate={(toDate) => set({ toDate })}
        onTime={(toTime) => set({ toTime })}
      />
    </div>
  );
}

function MannerFields({ form, set, errorOf }: FieldsProps) {
  return (
    <div className={styles.columns}>
      <SelectField
        label="Runs for"
        value={form.mode}
        options={[
          ["MISSING", "dates that have no run"],
          ["FAILED", "these, and those that failed or were cancelled"],
          ["ALL", "all dates"],
        ]}
        error={errorOf("mode")}
        onChange={(mode) => set({ mode })}
      />
      <div className={styles.pair}>
        <SelectField
          label="Order"
          value={form.order}
          options={[
            ["OLDEST", "oldest first"],
            ["NEWEST", "newest first"],
          ]}
          error={errorOf("order")}
          onChange={(order) => set({ order })}
        />
        <TextField
          label="At once"
          inputMode="numeric"
          text={form.concurrency}
          error={errorOf("concurrency")}
          help="Runs at a time, 1 to 100."
          onChange={(concurrency) => set({ concurrency })}
        />
      </div>
    </div>
  );
}

interface ParamFieldsProps {
  fields: readonly ParamField[];
  texts: Texts;
  setText: (name: string, text: string) => void;
  errorOf: (field: string) => string | undefined;
}

/** ParamFields ask for the parameters of all runs; most backfills take the defaults. */
function ParamFields({ fields, texts, setText, errorOf }: ParamFieldsProps) {
  const wrong = fields.some((f) => f.isRequired || errorOf(`params.${f.name}`) !== undefined);
  if (fields.length === 0) return null;
  return (
    <details open={wrong || undefined}>
      <summary className={styles.summary}>Parameters of the runs</summary>
      <div className={styles.columns}>
        {fields.map((field) => (
          <ParamInput
            key={field.name}
            field={field}
            text={texts[field.name] ?? field.initial}
            error={errorOf(`params.${field.name}`)}
            onChange={(text) => setText(field.name, text)}
          />
        ))}
      </div>
    </details>
  );
}
