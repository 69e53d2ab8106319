import { Link } from "@tanstack/react-router";
import type { WorkflowSummaryFragment } from "../gql/graphql";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { BackfillsQuery } from "../services/backfillDocuments";
import { BackfillTable } from "./BackfillTable";
import styles from "./BackfillTable.module.css";
import { NewBackfillButton } from "./NewBackfill";
import { QueryError } from "./Notice";

const pollMs = 3_000;
// Without a schedule there are old ones at most.
const quietPollMs = 30_000;
const newest = 5;

/** BackfillsSection lists the newest backfills of a workflow, and makes new ones. Without a schedule there are no dates. */
export function BackfillsSection({ workflow }: { workflow: WorkflowSummaryFragment }) {
  const variables = { workflow: workflow.name, first: newest, after: null };
  const hasSchedule = workflow.schedules.length > 0;
  const everyMs = hasSchedule ? pollMs : quietPollMs;
  const { data, error, refresh } = usePolledQuery(BackfillsQuery, variables, everyMs);
  const found = data?.backfills;
  if (!hasSchedule && (found === undefined || found.nodes.length === 0)) return null;
  return (
    <section className="card" aria-label="Backfills">
      <div className={styles.head}>
        <h2>Backfills</h2>
        {found?.nodes.length === 0 ? (
          <span className="muted">There is none. A backfill makes runs for dates of the past.</span>
        ) : null}
        {hasSchedule ? <NewBackfillButton workflow={workflow} /> : null}
      </div>
      {error ? <QueryError error={error} /> : null}
      {found && found.nodes.length > 0 ? (
        <BackfillTable workflow={workflow.name} backfills={found.nodes} onChange={refresh} />
      ) : null}
      {found?.pageInfo.hasNextPage ? (
        <p className={styles.more}>
          <Link to="/workflows/$name/backfills" params={{ name: workflow.name }}>
            All {found.totalCount}
            {found.totalCountIsExact ? "" : "+"} backfills
          </Link>
        </p>
      ) : null}
    </section>
  );
}
