import type { CombinedError } from "@urql/core";
import { useEffect, useEffectEvent, useRef, useState } from "react";
import type { RunSummaryFragment } from "../gql/graphql";
import { newKey } from "../services/key";
import { refusalText } from "../services/problem";
import type { Manner } from "../services/rerun";

/** RerunResult is how urql brings the answer to a retry, a clear or a mark. */
export interface RerunResult {
  error?: CombinedError | undefined;
  payload:
    | {
        workflowRun: RunSummaryFragment | null;
        taskRuns: { name: string }[] | null;
        userErrors: { message: string }[];
      }
    | undefined;
}

/** RerunAnswer is what was done, or would be. */
interface RerunAnswer {
  run: RunSummaryFragment | null;
  /** tasks holds the names of the tasks that change, in file order. */
  tasks: readonly string[];
  problem: string | null;
}

/** Rerun is a change of a run that is first planned, then done. */
export interface Rerun {
  /** plan says what would be done; null until the server has said it. */
  plan: RerunAnswer | null;
  problem: string | null;
  reason: string;
  setReason: (reason: string) => void;
  /** submit does it, and returns whether it was done. */
  submit: () => Promise<boolean>;
}

/**
 * useRerun asks what a request would do as often as the request changes, and does
 * it when it is submitted. key tells one request from another.
 */
export function useRerun(
  key: string,
  send: (manner: Manner) => Promise<RerunResult>,
  onDone: (run: RunSummaryFragment) => void,
): Rerun {
  const [planned, setPlanned] = useState<{ key: string; answer: RerunAnswer } | null>(null);
  const [failed, setFailed] = useState<{ key: string; problem: string } | null>(null);
  const [reason, setReason] = useState("");
  // One id per request: pressing twice, or again after a lost answer, does it once.
  const ids = useRef(new Map<string, string>());
  const ask = useEffectEvent((manner: Manner) => send(manner));

  useEffect(() => {
    let current = true;
    ask({ dryRun: true }).then((result) => {
      if (current) setPlanned({ key, answer: answerOf(result) });
    });
    return () => {
      current = false;
    };
  }, [key]);

  const submit = async () => {
    const requestId = ids.current.get(key) ?? newKey();
    ids.current.set(key, requestId);
    const { run, problem } = answerOf(await send({ dryRun: false, requestId, reason }));
    if (problem !== null) {
      setFailed({ key, problem });
      return false;
    }
    if (run) onDone(run);
    return true;
  };

  const plan = planned?.key === key ? planned.answer : null;
  const problem = (failed?.key === key ? failed.problem : null) ?? plan?.problem ?? null;
  return { plan, problem, reason, setReason, submit };
}

function answerOf({ error, payload }: RerunResult): RerunAnswer {
  return {
    run: payload?.workflowRun ?? null,
    tasks: (payload?.taskRuns ?? []).map((task) => task.name),
    problem: refusalText(error, payload?.userErrors),
  };
}
