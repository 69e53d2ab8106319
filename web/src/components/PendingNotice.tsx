import { useNow } from "../hooks/useNow";
import { Notice } from "./Notice";
import type { RunDetail } from "./RunHeader";

// Most runs start at once: it would only flash.
const quietMs = 2_000;

/** PendingNotice says what a run that has not started waits for. */
export function PendingNotice({ run }: { run: RunDetail }) {
  const now = useNow();
  if (now - Date.parse(run.createdAt) < quietMs) return null;
  return <Notice title={reason(run.workflow)} />;
}

function reason({ isActive, isPaused, maxActiveRuns, name }: RunDetail["workflow"]): string {
  if (!isActive) return `It waits until the file of ${name} no longer says is_active: false.`;
  if (isPaused) return `It waits until the pause of ${name} is lifted.`;
  const runs = maxActiveRuns === 1 ? "one run" : `${maxActiveRuns} runs`;
  return `It waits its turn: ${name} has at most ${runs} at a time.`;
}
