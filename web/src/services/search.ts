import type { TaskRunStatus } from "../gql/graphql";

// The parts of an address after "?". What a person typed wrongly is left out,
// never an error.

/** ListSearch is what the list of workflows shows. */
export interface ListSearch {
  search?: string | undefined;
  tag?: string | undefined;
  show?: "active" | "paused" | undefined;
  after?: string | undefined;
}

/** PageSearch is the place in a list of runs or backfills. */
export interface PageSearch {
  after?: string | undefined;
}

/** NotificationSearch is which notifications the list shows: the stuck ones, unless it says otherwise. */
export interface NotificationSearch {
  show?: "waiting" | "all" | undefined;
  after?: string | undefined;
}

/** RunSearch is what the page of a run shows. */
export interface RunSearch {
  task?: string | undefined;
  attempt?: number | undefined;
  tab?: "details" | undefined;
  status?: TaskRunStatus | undefined;
}

type Raw = Readonly<Record<string, unknown>>;

const taskStatuses: readonly TaskRunStatus[] = [
  "PENDING",
  "QUEUED",
  "RUNNING",
  "WAITING",
  "UP_FOR_RETRY",
  "SUCCESS",
  "FAILED",
  "CANCELLED",
  "SKIPPED",
  "UPSTREAM_FAILED",
];

/** listSearch reads the address of the list of workflows. */
export function listSearch(raw: Raw): ListSearch {
  const show = raw["show"];
  return {
    ...text(raw, "search"),
    ...text(raw, "tag"),
    ...(show === "active" || show === "paused" ? { show } : {}),
    ...text(raw, "after"),
  };
}

/** pageSearch reads the address of a list of runs or backfills. */
export function pageSearch(raw: Raw): PageSearch {
  return text(raw, "after");
}

/** notificationSearch reads the address of the list of notifications. */
export function notificationSearch(raw: Raw): NotificationSearch {
  const show = raw["show"];
  return { ...(show === "waiting" || show === "all" ? { show } : {}), ...text(raw, "after") };
}

/** runSearch reads the address of a run. */
export function runSearch(raw: Raw): RunSearch {
  const attempt = Number(raw["attempt"]);
  const status = taskStatuses.find((s) => s === raw["status"]);
  return {
    ...text(raw, "task"),
    ...(Number.isSafeInteger(attempt) && attempt > 0 ? { attempt } : {}),
    ...(raw["tab"] === "details" ? { tab: "details" } : {}),
    ...(status ? { status } : {}),
  };
}

// The router reads ?search=123 as a number, so numbers count as text here.
function text<Key extends string>(raw: Raw, key: Key): { [K in Key]?: string } {
  const value = raw[key];
  const known = typeof value === "string" || typeof value === "number";
  const found: { [K in Key]?: string } = {};
  if (known && value !== "") found[key] = String(value) as (typeof found)[Key];
  return found;
}
