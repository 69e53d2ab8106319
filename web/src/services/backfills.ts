import type { BackfillSummaryFragment, PlanBackfillMutation, WorkflowRunStatus } from "../gql/graphql";
import { formatInZone } from "./time";

/** Backfill is one as lists show it. */
export type Backfill = BackfillSummaryFragment;

/** BackfillDate is a date of a plan, and what would become of it. */
export type BackfillDate = NonNullable<PlanBackfillMutation["createBackfill"]["dates"]>[number];

type Steered = Pick<Backfill, "status" | "pausedAt" | "hold" | "remaining">;

/** BackfillActions says what can be asked of a backfill as it stands. */
export interface BackfillActions {
  canPause: boolean;
  canResume: boolean;
  canCancel: boolean;
}

/** backfillActions returns what can be asked of a backfill. With no dates to come there is nothing to pause. */
export function backfillActions(backfill: Steered): BackfillActions {
  const goesOn = backfill.status === "RUNNING";
  const isPaused = backfill.pausedAt !== null;
  return {
    canPause: goesOn && !isPaused && backfill.remaining > 0,
    canResume: goesOn && isPaused,
    canCancel: goesOn,
  };
}

/** backfillNote returns the word that stands beside the state of a backfill: the state alone does not say it. */
export function backfillNote(backfill: Steered): string | undefined {
  if (backfill.status !== "RUNNING") return undefined;
  if (backfill.pausedAt !== null) return "paused";
  return backfill.hold === null ? undefined : "held";
}

/** DateFate is what has become of a date: the state of its run, or why it has none. */
export type DateFate = WorkflowRunStatus | "LEFT_ALONE" | "DELETED" | "TO_COME";

/** Progress says how many dates of a backfill have which fate, the final ones first. */
export interface Progress {
  parts: readonly { fate: DateFate; count: number }[];
  /** done counts the dates with which the backfill is through. */
  done: number;
  total: number;
  /** text says all of it: "3 succeeded, 1 failed, 2 to come". */
  text: string;
}

const words: Record<DateFate, string> = {
  SUCCESS: "succeeded",
  FAILED: "failed",
  CANCELLED: "cancelled",
  SKIPPED: "skipped",
  DELETED: "deleted since",
  LEFT_ALONE: "left alone",
  RUNNING: "running",
  PENDING: "pending",
  TO_COME: "to come",
};

const fates: readonly DateFate[] = [
  "SUCCESS",
  "FAILED",
  "CANCELLED",
  "SKIPPED",
  "DELETED",
  "LEFT_ALONE",
  "RUNNING",
  "PENDING",
  "TO_COME",
];

/** progressOf tells the dates of a backfill by what has become of them. Runs may be deleted meanwhile. */
export function progressOf(
  backfill: Pick<Backfill, "status" | "total" | "created" | "leftAlone" | "remaining" | "runStates">,
): Progress {
  const counts = new Map<DateFate, number>(backfill.runStates.map((s) => [s.status, s.count]));
  const known = backfill.runStates.reduce((sum, s) => sum + s.count, 0);
  counts.set("DELETED", Math.max(0, backfill.created - known));
  counts.set("LEFT_ALONE", backfill.leftAlone);
  counts.set("TO_COME", backfill.remaining);
  const parts = fates
    .map((fate) => ({ fate, count: counts.get(fate) ?? 0 }))
    .filter((part) => part.count > 0);
  const open = ["RUNNING", "PENDING", "TO_COME"] as const;
  return {
    parts,
    done: backfill.total - open.reduce((sum, fate) => sum + (counts.get(fate) ?? 0), 0),
    total: backfill.total,
    text: parts.map((part) => `${part.count} ${wordOf(part.fate, backfill.status)}`).join(", "),
  };
}

// What is to come of a backfill that was cancelled never comes.
function wordOf(fate: DateFate, status: Backfill["status"]): string {
  return fate === "TO_COME" && status === "CANCELLED" ? "not made" : words[fate];
}

const modes: Record<Backfill["mode"], string> = {
  MISSING: "dates without a run",
  FAILED: "dates without a run, or whose latest one failed",
  ALL: "all dates",
};

/** mannerText says of which dates a backfill makes runs, in which order, and how many at a time. */
export function mannerText(backfill: Pick<Backfill, "mode" | "order" | "concurrency">): string {
  return `${modes[backfill.mode]}, ${backfill.order.toLowerCase()} first, ${backfill.concurrency} at a time`;
}

/**
 * rangeText writes a range by the clocks of a zone: "2026-03-01 to 2026-03-31" if it is
 * whole days, else with the times of day.
 */
export function rangeText(range: Pick<Backfill, "from" | "to" | "timezone">): string {
  const from = clockOf(range.from, range.timezone);
  const to = clockOf(range.to, range.timezone);
  if (from.time === "00:00:00" && to.time === "23:59:59") {
    return from.date === to.date ? from.date : `${from.date} to ${to.date}`;
  }
  return `${from.date} ${shortTime(from.time)} to ${to.date} ${shortTime(to.time)}`;
}

/** dateText writes a date of a backfill by the clocks of a zone: "2026-03-01 02:00". */
export function dateText(at: string, zone: string): string {
  const { date, time } = clockOf(at, zone);
  return `${date} ${shortTime(time)}`;
}

function clockOf(at: string, zone: string): { date: string; time: string } {
  const [date = "", time = ""] = formatInZone(Date.parse(at), zone).split(" ");
  return { date, time };
}

// Most slots are at whole minutes.
function shortTime(time: string): string {
  return time.endsWith(":00") ? time.slice(0, -":00".length) : time;
}

/** selectionText says which tasks the runs of a backfill execute. */
export function selectionText(selection: { only: string[]; from: string[]; until: string[] }): string {
  const parts = [
    [selection.only, "only"],
    [selection.from, "from"],
    [selection.until, "until"],
  ] as const;
  return parts
    .filter(([names]) => names.length > 0)
    .map(([names, word]) => `${word} ${names.join(", ")}`)
    .join("; ");
}

const actions: Record<BackfillDate["action"], string> = {
  CREATE: "a run",
  RERUN: "another run",
  LEAVE: "left alone",
};

/** actionText says what would become of a date. */
export function actionText(action: BackfillDate["action"]): string {
  return actions[action];
}

/** planText says what would become of all dates: "31 dates: 28 get a run, 2 another run, 1 left alone". */
export function planText(dates: readonly BackfillDate[]): string {
  const count = (action: BackfillDate["action"]) => dates.filter((date) => date.action === action).length;
  const parts = [
    [count("CREATE"), "get a run", "gets a run"],
    [count("RERUN"), "get another run", "gets another run"],
    [count("LEAVE"), "are left alone", "is left alone"],
  ] as const;
  const told = parts
    .filter(([n]) => n > 0)
    .map(([n, many, one]) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`);
  const all = dates.length === 1 ? "1 date" : `${dates.length.toLocaleString("en")} dates`;
  return `${all}: ${told.join(", ")}`;
}
