import { useEffect, useEffectEvent, useState } from "react";
import { useClient } from "urql";
import type { CreateBackfillInput } from "../gql/graphql";
import { PlanBackfillMutation } from "../services/backfillDocuments";
import { type FormProblem, serverProblems } from "../services/backfillForm";
import type { BackfillDate } from "../services/backfills";
import { problemText } from "../services/problem";

// A plan may be 10,000 dates long: it is asked when the typing has paused.
const quietMs = 300;

/** BackfillPlan says what would become of the dates of a request, or what is wrong with it. */
export interface BackfillPlan {
  dates: readonly BackfillDate[];
  problems: readonly FormProblem[];
}

/** useBackfillPlan asks what a backfill would do as often as the request changes; null until it is known. */
export function useBackfillPlan(input: CreateBackfillInput | null): BackfillPlan | null {
  const client = useClient();
  const [planned, setPlanned] = useState<{ key: string; plan: BackfillPlan } | null>(null);
  const key = input === null ? null : JSON.stringify(input);
  const ask = useEffectEvent(async (): Promise<BackfillPlan> => {
    if (input === null) return { dates: [], problems: [] };
    const request = { input: { ...input, dryRun: true } };
    const { data, error } = await client.mutation(PlanBackfillMutation, request).toPromise();
    if (error) return { dates: [], problems: [{ field: "", message: problemText(error) }] };
    const { dates, userErrors } = data?.createBackfill ?? { dates: null, userErrors: [] };
    return { dates: dates ?? [], problems: serverProblems(userErrors) };
  });

  useEffect(() => {
    if (key === null) return;
    let current = true;
    const timer = setTimeout(() => {
      ask().then((plan) => {
        if (current) setPlanned({ key, plan });
      });
    }, quietMs);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key]);

  return planned?.key === key ? planned.plan : null;
}
