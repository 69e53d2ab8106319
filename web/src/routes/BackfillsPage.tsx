import { getRouteApi, Link } from "@tanstack/react-router";
import { BackfillTable } from "../components/BackfillTable";
import { Breadcrumb } from "../components/Breadcrumb";
import { Empty, Loading, QueryError } from "../components/Notice";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { useTitle } from "../hooks/useTitle";
import { BackfillsQuery } from "../services/backfillDocuments";

const pageSize = 25;
const pollMs = 3_000;

const route = getRouteApi("/workflows/$name/backfills");

/** BackfillsPage lists all backfills of a workflow, the newest first. */
export function BackfillsPage() {
  const { name } = route.useParams();
  const { after } = route.useSearch();
  useTitle(`Backfills of ${name}`);
  const variables = { workflow: name, first: pageSize, after: after ?? null };
  const { data, error, refresh } = usePolledQuery(BackfillsQuery, variables, pollMs);
  const found = data?.backfills;
  return (
    <div className="stack">
      <Breadcrumb items={[{ text: name, workflow: name }, { text: "Backfills" }]} />
      <h1>Backfills of {name}</h1>
      {error ? <QueryError error={error} /> : null}
      {found || error ? null : <Loading />}
      {found ? (
        <section className="card" aria-label="Backfills">
          {found.nodes.length > 0 ? (
            <BackfillTable workflow={name} backfills={found.nodes} onChange={refresh} />
          ) : (
            <Empty title="There is no backfill" />
          )}
        </section>
      ) : null}
      <div className="row">
        {after ? (
          <Link to="/workflows/$name/backfills" params={{ name }} className="button">
            Newest backfills
          </Link>
        ) : null}
        {found?.pageInfo.hasNextPage ? (
          <Link
            to="/workflows/$name/backfills"
            params={{ name }}
            search={{ after: found.pageInfo.endCursor ?? undefined }}
            className="button"
          >
            Older backfills
          </Link>
        ) : null}
      </div>
    </div>
  );
}
