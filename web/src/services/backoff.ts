const firstDelayMs = 250;
const maxDelayMs = 5_000;

/**
 * retryDelay returns how many milliseconds to wait after so many failures in a
 * row (from 1). It doubles up to five seconds; random in [0, 1) spreads the
 * second half of it, so that a restarted server does not meet all pages at once.
 */
export function retryDelay(failures: number, random: number): number {
  const full = Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1));
  return Math.round(full / 2 + (full / 2) * random);
}
