import { useSyncExternalStore } from "react";

const tickMs = 1_000;

let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

const still = () => () => undefined;

/** useNow returns the time, once a second while ticking. All users share one timer, so all clocks move together. */
export function useNow(ticking = true): number {
  return useSyncExternalStore(ticking ? subscribe : still, () => now);
}
