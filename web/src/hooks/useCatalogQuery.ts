import type { AnyVariables, TypedDocumentNode } from "@urql/core";
import { CatalogUpdates } from "../services/subscriptions";
import { useLive } from "./useLive";
import { type PolledQuery, usePolledQuery } from "./usePolledQuery";

// While changes come live, asking only covers what nobody tells, such as the
// next fire time of a schedule. Without them it is all there is.
const livePollMs = 30_000;
const pollMs = 5_000;

/**
 * useCatalogQuery asks about workflows again as soon as one of them, or what is
 * wrong in their files, has changed; with a name, only after changes of that one.
 */
export function useCatalogQuery<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  workflow?: string,
): PolledQuery<Data> {
  const live = useLive({
    document: CatalogUpdates,
    key: "catalog",
    variables: () => ({}),
    onData: (batch) => {
      // No workflow: import errors have changed, or a connection begins, before
      // which anything may have.
      const concerns = batch.some(({ catalogUpdated: { changedWorkflows: changed } }) => {
        return changed.length === 0 || workflow === undefined || changed.some((w) => w.name === workflow);
      });
      if (concerns) polled.refresh();
    },
  });
  const polled = usePolledQuery(query, variables, live.status === "live" ? livePollMs : pollMs);
  return polled;
}
