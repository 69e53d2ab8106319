const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** formatDuration writes milliseconds as people say them: "40 ms", "1.4 s", "12 s", "3 min 5 s", "2 h 10 min", "3 d 4 h". */
export function formatDuration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < second - 0.5) return `${Math.round(value)} ms`;
  if (value < 9_950) return `${(value / second).toFixed(1)} s`;
  const seconds = Math.round(value / second);
  if (seconds < 60) return `${seconds} s`;
  const total = seconds * second;
  if (total < hour) return two(Math.floor(total / minute), "min", seconds % 60, "s");
  const minutes = Math.round(value / minute);
  if (minutes * minute < day) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(value / hour);
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** formatRelative writes a time as seen from now: "just now", "5 min ago", "in 2 h". */
export function formatRelative(time: number, now: number): string {
  const away = Math.abs(time - now);
  if (away < 5 * second) return "just now";
  const text = roughly(away);
  return time > now ? `in ${text}` : `${text} ago`;
}

function roughly(ms: number): string {
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} d`;
}

const absolute = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});

/** formatAbsolute writes a time in the reader's own zone and manner. */
export function formatAbsolute(time: number): string {
  return absolute.format(time);
}

/**
 * formatInZone writes a time as the clocks of a zone show it, with the zone:
 * "2026-11-28 06:00:00 Europe/Berlin". A zone that the browser does not know is UTC.
 */
export function formatInZone(time: number, zone: string): string {
  const clock = clockOf(zone) ?? clockOf("UTC");
  const parts = new Map(clock?.format.formatToParts(time).map(({ type, value }) => [type, value]));
  const date = `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`;
  return `${date} ${parts.get("hour")}:${parts.get("minute")}:${parts.get("second")} ${clock?.zone}`;
}

function clockOf(zone: string): { zone: string; format: Intl.DateTimeFormat } | null {
  const two = "2-digit";
  const fields = { year: "numeric", month: two, day: two, hour: two, minute: two, second: two } as const;
  try {
    return { zone, format: new Intl.DateTimeFormat("en", { ...fields, hourCycle: "h23", timeZone: zone }) };
  } catch {
    return null;
  }
}

/**
 * elapsed returns the milliseconds from start to end, up to now while there is
 * no end, and null before the start. A server whose clock is ahead of the
 * reader's never makes it negative.
 */
export function elapsed(startedAt: string | null, finishedAt: string | null, now: number): number | null {
  if (startedAt === null) return null;
  const end = finishedAt === null ? now : Date.parse(finishedAt);
  return Math.max(0, end - Date.parse(startedAt));
}
