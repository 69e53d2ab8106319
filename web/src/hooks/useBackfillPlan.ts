import { useEffect, useEffectEvent, useState } from "react";
import { useClient } from "urql";
import type { CreateBackfillInput } from "../gql/graphql";
import { PlanBackfillMutation } from "../services/backfillDocuments";
import { type FormProblem, serverProblems } from "../services/backfillForm";
import type { BackfillDate } from "../services/backfills";
import { problemText } from "../services/problem";

// A plan may be 10,000 dates long: it is asked when the typing has paused.
const quietMs = 300;
// How long after a request that got no answer the same is asked again.
const againMs = 3000;

/** BackfillPlan says what would become of the dates of a request, or what is wrong with it. */
export interface BackfillPlan {
  dates: readonly BackfillDate[];
  problems: readonly FormProblem[];
}

/**
 * useBackfillPlan asks what a backfill would do as often as the request changes; null until it is known.
 * While there is no answer it says why, and asks again.
 */
export function useBackfillPlan(input: CreateBackfillInput | null): BackfillPlan | null {
  const client = useClient();
  const [planned, setPlanned] = useState<{ key: string; plan: BackfillPlan } | null>(null);
  const key = input === null ? null : JSON.stringify(input);
  const ask = useEffectEvent(async (): Promise<{ plan: BackfillPlan; isAnswer: boolean }> => {
    if (input === null) return { plan: { dates: [], problems: [] }, isAnswer: true };
    const request = { input: { ...input, dryRun: true } };
    const { data, error } = await client.mutation(PlanBackfillMutation, request).toPromise();
    if (error) {
      return { plan: { dates: [], problems: [{ field: "", message: problemText(error) }] }, isAnswer: false };
    }
    const { dates, userErrors } = data?.createBackfill ?? { dates: null, userErrors: [] };
    return { plan: { dates: dates ?? [], problems: serverProblems(userErrors) }, isAnswer: true };
  });

  useEffect(() => {
    if (key === null) return;
    let current = true;
    let timer = setTimeout(() => look(), quietMs);
    const look = async () => {
      const { plan, isAnswer } = await ask();
      if (!current) return;
      setPlanned({ key, plan });
      if (!isAnswer) timer = setTimeout(() => look(), againMs);
    };
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key]);

  return planned?.key === key ? planned.plan : null;
}
