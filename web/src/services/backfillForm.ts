import type { CreateBackfillInput, WorkflowSummaryFragment } from "../gql/graphql";
import type { ParamField } from "./paramForm";
import { paramValues } from "./paramForm";
import { reasonInput } from "./reason";

/** BackfillForm is what a person has written into the form of a new backfill. */
export interface BackfillForm {
  /** schedule is the name of one of several; empty: the one without a name. */
  schedule: string;
  fromDate: string;
  /** fromTime is a time of day; empty: the day's first moment. */
  fromTime: string;
  toDate: string;
  /** toTime is a time of day; empty: the whole day. */
  toTime: string;
  mode: NonNullable<CreateBackfillInput["mode"]>;
  order: NonNullable<CreateBackfillInput["order"]>;
  concurrency: string;
  name: string;
  reason: string;
}

/** FormProblem is what is wrong with a form; field is empty if it is none in particular. */
export interface FormProblem {
  field: string;
  message: string;
}

/** ScheduleChoice is a schedule of a workflow whose slots can be made up for. */
export interface ScheduleChoice {
  name: string;
  timezone: string;
}

/** scheduleChoices returns the schedules of a workflow: entries of one name are one, by the clocks of the first. */
export function scheduleChoices(schedules: WorkflowSummaryFragment["schedules"]): ScheduleChoice[] {
  const choices = new Map<string, ScheduleChoice>();
  for (const { name, timezone } of schedules) {
    const key = name ?? "";
    if (!choices.has(key)) choices.set(key, { name: key, timezone });
  }
  return [...choices.values()];
}

/** emptyForm is the form before anything was written. */
export function emptyForm(choices: readonly ScheduleChoice[]): BackfillForm {
  return {
    schedule: choices[0]?.name ?? "",
    fromDate: "",
    fromTime: "",
    toDate: "",
    toTime: "",
    mode: "MISSING",
    order: "OLDEST",
    concurrency: "1",
    name: "",
    reason: "",
  };
}

/** Texts are what is written into the inputs of the workflow's parameters. */
export type Texts = Readonly<Record<string, string>>;

/**
 * planInput returns what to ask for a plan of the form: without name and reason, which
 * change nothing about the dates. null: it does not say yet from when to when.
 */
export function planInput(
  workflow: string,
  form: BackfillForm,
  fields: readonly ParamField[],
  texts: Texts,
): CreateBackfillInput | null {
  if (form.fromDate === "" || form.toDate === "") return null;
  return {
    workflow,
    from: momentText(form.fromDate, form.fromTime),
    to: momentText(form.toDate, form.toTime),
    mode: form.mode,
    order: form.order,
    // What is no number is told here, by formProblem.
    concurrency: concurrencyOf(form) ?? 1,
    params: paramValues(fields, texts),
    ...(form.schedule === "" ? {} : { schedule: form.schedule }),
  };
}

/**
 * createInput returns what to ask for the backfill itself. madeName is its name if none
 * was given: the same request again, after a lost answer, makes no second one.
 */
export function createInput(
  plan: CreateBackfillInput,
  form: BackfillForm,
  madeName: string,
): CreateBackfillInput {
  return { ...plan, name: form.name.trim() || madeName, ...reasonInput(form.reason) };
}

/** madeName makes up a name as the server does; key is random. */
export function madeName(form: BackfillForm, key: string): string {
  return `${form.fromDate}_${form.toDate}_${key.slice(0, 8)}`;
}

/** formProblem returns what is wrong with a form before the server is asked; null: nothing. */
export function formProblem(form: BackfillForm): FormProblem | null {
  if (form.fromDate === "") return { field: "from", message: "A date is needed." };
  if (form.toDate === "") return { field: "to", message: "A date is needed." };
  if (concurrencyOf(form) === null) return { field: "concurrency", message: "A whole number is needed." };
  return null;
}

/** serverProblems returns the server's errors as problems of the form. */
export function serverProblems(
  errors: readonly { field: readonly string[] | null; message: string }[],
): FormProblem[] {
  return errors.map(({ field, message }) => ({ field: (field ?? []).join("."), message }));
}

/** isThere is what is wrong when the name is that of a backfill which somebody has made before. */
export function isThere(name: string): FormProblem {
  return {
    field: "name",
    message: `There is a backfill ${name} already, asked for in the same words. Give this one another name.`,
  };
}

function momentText(date: string, time: string): string {
  return time === "" ? date : `${date}T${time}`;
}

function concurrencyOf(form: BackfillForm): number | null {
  const text = form.concurrency.trim();
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}
