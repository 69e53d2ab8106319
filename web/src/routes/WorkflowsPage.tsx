import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { ImportErrors } from "../components/ImportErrors";
import { Empty, Loading, QueryError } from "../components/Notice";
import { WorkflowTable } from "../components/WorkflowTable";
import type { RunSummaryFragment, WorkflowFilter, WorkflowsQuery as WorkflowsData } from "../gql/graphql";
import { useCatalogQuery } from "../hooks/useCatalogQuery";
import { useLive } from "../hooks/useLive";
import { useTitle } from "../hooks/useTitle";
import { WorkflowsQuery } from "../services/documents";
import { latestByWorkflow } from "../services/runState";
import type { ListSearch } from "../services/search";
import { RunsUpdates } from "../services/subscriptions";

const pageSize = 100;

const route = getRouteApi("/workflows");

/** WorkflowsPage lists the workflows, what is wrong in their files, and how their latest runs stand. */
export function WorkflowsPage() {
  useTitle("Workflows");
  const search = route.useSearch();
  const variables = { first: pageSize, after: search.after ?? null, filter: filterOf(search) };
  const { data, error } = useCatalogQuery(WorkflowsQuery, variables);
  const [latest, setLatest] = useState<ReadonlyMap<string, RunSummaryFragment>>(new Map());
  useLive({
    document: RunsUpdates,
    key: "runs",
    variables: () => ({ filter: null }),
    onData: (batch) =>
      setLatest((known) =>
        latestByWorkflow(
          known,
          batch.map((d) => d.workflowRunsUpdated),
        ),
      ),
  });

  const found = data?.workflows;
  const restricted = Object.keys(search).length > 0;
  return (
    <div className="stack">
      <div className="row spread">
        <h1>Workflows</h1>
        <Filters search={search} />
      </div>
      {error ? <QueryError error={error} /> : null}
      {data ? <ImportErrors errors={data.importErrors} /> : null}
      {found || error ? null : <Loading />}
      {found ? (
        <section className="card" aria-label="Workflows">
          {found.nodes.length > 0 ? (
            <WorkflowTable workflows={found.nodes} latest={latest} />
          ) : (
            <NoWorkflows restricted={restricted} />
          )}
        </section>
      ) : null}
      {found && found.nodes.length > 0 ? <Pager found={found} search={search} /> : null}
    </div>
  );
}

function Pager({ found, search }: { found: WorkflowsData["workflows"]; search: ListSearch }) {
  return (
    <div className="row spread muted">
      <span>
        {found.totalCount}
        {found.totalCountIsExact ? "" : "+"} {found.totalCount === 1 ? "workflow" : "workflows"}
      </span>
      <span className="row">
        {search.after ? (
          <Link to="/workflows" search={{ ...search, after: undefined }} className="button">
            First page
          </Link>
        ) : null}
        {found.pageInfo.hasNextPage ? (
          <Link
            to="/workflows"
            search={{ ...search, after: found.pageInfo.endCursor ?? undefined }}
            className="button"
          >
            Next page
          </Link>
        ) : null}
      </span>
    </div>
  );
}

function filterOf(search: ListSearch): WorkflowFilter {
  return {
    ...(search.search ? { search: search.search } : {}),
    ...(search.tag ? { tag: search.tag } : {}),
    ...(search.show ? { isPaused: search.show === "paused" } : {}),
  };
}

function Filters({ search }: { search: ListSearch }) {
  const navigate = route.useNavigate();
  const input = useRef<HTMLInputElement>(null);
  // The reader's typing leads; otherwise the field follows the address.
  useEffect(() => {
    const field = input.current;
    if (field && field !== document.activeElement) field.value = search.search ?? "";
  }, [search.search]);
  const change = (next: ListSearch) =>
    navigate({ search: { ...search, after: undefined, ...next }, replace: true });
  return (
    <search className="row">
      {search.tag ? (
        <button type="button" aria-pressed="true" onClick={() => change({ tag: undefined })}>
          {search.tag}
          <span aria-hidden="true">×</span>
          <span className="visually-hidden">remove this tag from the filter</span>
        </button>
      ) : null}
      <select
        aria-label="Which workflows"
        style={{ width: "auto" }}
        value={search.show ?? ""}
        onChange={(e) => change({ show: showOf(e.target.value) })}
      >
        <option value="">All</option>
        <option value="active">Active</option>
        <option value="paused">Paused</option>
      </select>
      <input
        ref={input}
        type="search"
        aria-label="Search by name"
        placeholder="Search by name"
        style={{ width: "16rem" }}
        defaultValue={search.search ?? ""}
        onChange={(e) => change({ search: e.target.value || undefined })}
      />
    </search>
  );
}

function showOf(value: string): "active" | "paused" | undefined {
  return value === "active" || value === "paused" ? value : undefined;
}

const firstFile = `cat > dags/hello.yaml <<'EOF'
name: hello
tasks:
  greet:
    command: echo "Hello"
  part:
    depends_on: [greet]
    command: echo "Goodbye"
EOF`;

function NoWorkflows({ restricted }: { restricted: boolean }) {
  if (restricted) {
    return (
      <Empty title="No workflow is like that">
        <Link to="/workflows">Show all</Link>
      </Empty>
    );
  }
  return (
    <Empty title="No workflows yet">
      <p>Put a file into the folder that the server watches. It shows up here within a second:</p>
      <pre>{firstFile}</pre>
    </Empty>
  );
}
