import { useNow } from "../hooks/useNow";
import { elapsed, formatAbsolute, formatDuration, formatRelative } from "../services/time";

/** Time shows a time as seen from now; the exact one is its title, or stands beside it with `full`. */
export function Time({ value, full = false }: { value: string; full?: boolean }) {
  const now = useNow();
  const time = Date.parse(value);
  const exact = formatAbsolute(time);
  return (
    <time dateTime={value} title={exact} className="number">
      {full ? `${exact} (${formatRelative(time, now)})` : formatRelative(time, now)}
    </time>
  );
}

/** Elapsed shows how long something took, or has taken so far: it ticks until there is an end. */
export function Elapsed({ startedAt, finishedAt }: { startedAt: string | null; finishedAt: string | null }) {
  const now = useNow(startedAt !== null && finishedAt === null);
  const ms = elapsed(startedAt, finishedAt, now);
  return <span className="number">{ms === null ? "–" : formatDuration(ms)}</span>;
}
