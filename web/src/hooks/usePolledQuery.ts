import type { AnyVariables, CombinedError, TypedDocumentNode } from "@urql/core";
import { useEffect, useEffectEvent, useState } from "react";
import { useQuery } from "urql";

/** PolledQuery is the last answer to a question, and what went wrong since, if anything. */
export interface PolledQuery<Data> {
  data: Data | undefined;
  error: CombinedError | undefined;
  /** refresh asks now, if the tab is visible; a hidden one asks when it becomes visible again. */
  refresh: () => void;
}

/**
 * usePolledQuery asks at once, every so many milliseconds while the tab is
 * visible, and when it becomes visible again. While a server is away the last
 * answer stays, beside the error.
 */
export function usePolledQuery<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  everyMs: number,
): PolledQuery<Data> {
  const [{ data, error }, execute] = useQuery<Data, AnyVariables>({ query, variables });
  const key = JSON.stringify(variables);
  const [kept, setKept] = useState<{ key: string; data: Data } | null>(null);
  if (data !== undefined && (kept?.data !== data || kept.key !== key)) setKept({ key, data });

  const refresh = () => {
    if (document.visibilityState === "visible") execute({ requestPolicy: "network-only" });
  };
  const ask = useEffectEvent(refresh);
  useEffect(() => {
    const poll = () => ask();
    const timer = setInterval(poll, everyMs);
    document.addEventListener("visibilitychange", poll);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", poll);
    };
  }, [everyMs]);

  return { data: data ?? (kept?.key === key ? kept.data : undefined), error, refresh };
}
