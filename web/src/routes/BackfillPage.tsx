import { getRouteApi, Link } from "@tanstack/react-router";
import { BackfillActions } from "../components/BackfillActions";
import { DatesProgress } from "../components/BackfillTable";
import { Breadcrumb } from "../components/Breadcrumb";
import { Facts } from "../components/Facts";
import { Empty, Loading, Notice, QueryError } from "../components/Notice";
import { RunTable } from "../components/RunTable";
import { StatusBadge } from "../components/Status";
import { Time } from "../components/Time";
import type { BackfillQuery as BackfillData } from "../gql/graphql";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { useTitle } from "../hooks/useTitle";
import { BackfillQuery } from "../services/backfillDocuments";
import { backfillNote, mannerText, rangeText, selectionText } from "../services/backfills";
import { objectOf, valueText } from "../services/values";

const pageSize = 25;
const pollMs = 3_000;

const route = getRouteApi("/workflows/$name/backfills/$backfill");

type BackfillDetail = BackfillData["backfills"]["nodes"][number];

/** BackfillPage shows one backfill as it goes: its dates and its runs. */
export function BackfillPage() {
  const { name, backfill: own } = route.useParams();
  const { after } = route.useSearch();
  useTitle(`${name}/${own}`);
  const variables = { workflow: name, name: own, first: pageSize, after: after ?? null };
  const { data, error, refresh } = usePolledQuery(BackfillQuery, variables, pollMs);
  const backfill = data?.backfills.nodes[0];
  return (
    <div className="stack">
      <Breadcrumb
        items={[
          { text: name, workflow: name },
          { text: "Backfills", workflow: name, backfills: true },
          { text: own },
        ]}
      />
      {error ? <QueryError error={error} /> : null}
      {backfill ? <Detail workflow={name} backfill={backfill} after={after} onChange={refresh} /> : null}
      {data && !backfill ? (
        <Empty title={`There is no backfill ${own} of ${name}`}>
          <Link to="/workflows/$name" params={{ name }}>
            To the workflow
          </Link>
        </Empty>
      ) : null}
      {data || error ? null : <Loading />}
    </div>
  );
}

interface DetailProps {
  workflow: string;
  backfill: BackfillDetail;
  after: string | undefined;
  onChange: () => void;
}

function Detail({ workflow, backfill, after, onChange }: DetailProps) {
  const { runs } = backfill;
  const params = { name: workflow, backfill: backfill.name };
  return (
    <>
      <div className="row spread">
        <div className="row">
          <h1>{backfill.label}</h1>
          <StatusBadge status={backfill.status} note={backfillNote(backfill)} />
        </div>
        <BackfillActions backfill={backfill} onChange={onChange} />
      </div>
      <StateNotice backfill={backfill} />
      <BackfillFacts backfill={backfill} />
      <section className="card" aria-label="Runs">
        {runs.nodes.length > 0 ? (
          <RunTable runs={runs.nodes} zone={backfill.timezone} />
        ) : (
          <Empty title="It has made no run yet" />
        )}
      </section>
      <div className="row">
        {after ? (
          <Link to="/workflows/$name/backfills/$backfill" params={params} className="button">
            Newest runs
          </Link>
        ) : null}
        {runs.pageInfo.hasNextPage ? (
          <Link
            to="/workflows/$name/backfills/$backfill"
            params={params}
            search={{ after: runs.pageInfo.endCursor ?? undefined }}
            className="button"
          >
            Older runs
          </Link>
        ) : null}
      </div>
    </>
  );
}

function BackfillFacts({ backfill }: { backfill: BackfillDetail }) {
  const values = Object.entries(objectOf(backfill.params));
  return (
    <Facts
      facts={[
        ["Dates", <DatesProgress key="dates" backfill={backfill} />],
        ["Range", `${rangeText(backfill)} (${backfill.timezone})`],
        ["Runs for", mannerText(backfill)],
        ["Schedule", backfill.scheduleName],
        ["Tasks", backfill.selection ? selectionText(backfill.selection) : null],
        ["Version", `${backfill.version.number}`],
        ...values.map(([name, value]) => [name, <code key={name}>{valueText(value)}</code>] as const),
        ["Created", <Time key="created" value={backfill.createdAt} full />],
        ["By", backfill.createdBy],
        ["Reason", backfill.reason],
        ["Over", backfill.finishedAt ? <Time key="over" value={backfill.finishedAt} full /> : null],
      ]}
    />
  );
}

/** StateNotice says why a backfill does not go on, or why it was ended. */
function StateNotice({ backfill }: { backfill: BackfillDetail }) {
  const over = backfill.finishedAt !== null;
  return (
    <>
      {backfill.pausedAt !== null && !over ? (
        <Notice title="It is paused">
          It makes no more runs until it is resumed. Those that there are go on.
        </Notice>
      ) : null}
      {backfill.hold ? (
        <Notice title={`It is held: ${backfill.hold}`}>It goes on by itself when that is over.</Notice>
      ) : null}
      {backfill.problem ? (
        <Notice tone={over ? "info" : "error"} title={backfill.problem}>
          {over ? null : "It is tried again by itself."}
        </Notice>
      ) : null}
      {over && backfill.keepsRuns ? <Notice title="Its runs that were not over went on" /> : null}
    </>
  );
}
