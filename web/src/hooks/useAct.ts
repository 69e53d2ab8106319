import { useState } from "react";

/** Act runs one change at a time, and keeps why the last one did not happen. */
export interface Act {
  busy: boolean;
  problem: string | null;
  /** act returns whether the change happened; work returns why not, or null. */
  act: (work: () => Promise<string | null>) => Promise<boolean>;
}

/** useAct holds how a change that a button asks for stands. */
export function useAct(): Act {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const act = async (work: () => Promise<string | null>) => {
    setBusy(true);
    const refusal = await work();
    setProblem(refusal);
    setBusy(false);
    return refusal === null;
  };
  return { busy, problem, act };
}
