import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { BackfillsSection } from "../components/BackfillsSection";
import { Breadcrumb } from "../components/Breadcrumb";
import { Facts } from "../components/Facts";
import { GraphCard } from "../components/GraphCard";
import { MissedSlots } from "../components/MissedSlots";
import { NextSlots } from "../components/NextSlots";
import { Empty, Loading, Notice, QueryError } from "../components/Notice";
import { PauseSwitch } from "../components/PauseSwitch";
import { RunTable } from "../components/RunTable";
import { ScheduleText } from "../components/ScheduleText";
import { Time } from "../components/Time";
import { TriggerButton } from "../components/TriggerDialog";
import type { RunSummaryFragment, TaskRowFragment, WorkflowQuery as WorkflowData } from "../gql/graphql";
import { useCatalogQuery } from "../hooks/useCatalogQuery";
import { useLive } from "../hooks/useLive";
import { useTitle } from "../hooks/useTitle";
import { commitText } from "../services/commit";
import { WorkflowQuery } from "../services/documents";
import { missingCommands } from "../services/named";
import { mergeRuns } from "../services/runState";
import { RunsUpdates } from "../services/subscriptions";

const pageSize = 25;

const route = getRouteApi("/workflows/$name");
const noRuns: ReadonlyMap<string, TaskRowFragment> = new Map();

type WorkflowDetail = NonNullable<WorkflowData["workflow"]>;

/** WorkflowPage shows one workflow: what it is, its graph and its runs. */
export function WorkflowPage() {
  const { name } = route.useParams();
  const { after } = route.useSearch();
  useTitle(name);
  const variables = { name, first: pageSize, after: after ?? null };
  const { data, error } = useCatalogQuery(WorkflowQuery, variables, name);

  if (data?.workflow) {
    return (
      <div className="stack">
        {error ? <QueryError error={error} /> : null}
        <Detail key={name} workflow={data.workflow} firstPage={after === undefined} />
      </div>
    );
  }
  if (error) return <QueryError error={error} />;
  if (data) {
    return (
      <Empty title={`There is no workflow ${name}`}>
        <Link to="/workflows">To the workflows</Link>
      </Empty>
    );
  }
  return <Loading />;
}

function stateText({ retiredAt, isActive, pausedAt }: WorkflowDetail) {
  if (retiredAt) return "Retired";
  if (!isActive) return "Switched off";
  if (!pausedAt) return "Active";
  return (
    <>
      Paused <Time value={pausedAt} />
    </>
  );
}

function Detail({ workflow, firstPage }: { workflow: WorkflowDetail; firstPage: boolean }) {
  const { name, version } = workflow;
  const runs = useRuns(workflow, firstPage);
  // Polling brings equal tasks in new arrays; the graph is laid out per version.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a version never changes.
  const tasks = useMemo(() => version.tasks, [version.id]);
  return (
    <div className="stack">
      <Breadcrumb items={[{ text: name }]} />
      <About workflow={workflow} />
      <GraphCard tasks={tasks} runs={noRuns} onSelect={null} />
      <BackfillsSection workflow={workflow} />
      <section className="card" aria-label="Runs">
        {runs.length > 0 ? (
          <RunTable runs={runs} />
        ) : (
          <Empty title="It never ran">
            <pre>miniairflow trigger {name} --wait</pre>
          </Empty>
        )}
      </section>
      <Pager workflow={workflow} firstPage={firstPage} />
    </div>
  );
}

/** useRuns returns the runs of the page that was asked for; the first one is kept live. */
function useRuns({ name, runs }: WorkflowDetail, firstPage: boolean): readonly RunSummaryFragment[] {
  const [updates, setUpdates] = useState<readonly RunSummaryFragment[]>([]);
  useLive({
    document: RunsUpdates,
    key: firstPage ? name : null,
    variables: () => ({ filter: { workflow: name } }),
    onData: (batch) =>
      setUpdates((old) =>
        mergeRuns(
          old,
          batch.map((d) => d.workflowRunsUpdated),
        ).slice(0, pageSize),
      ),
  });
  return useMemo(
    () => (firstPage ? mergeRuns(runs.nodes, updates).slice(0, pageSize) : runs.nodes),
    [firstPage, runs.nodes, updates],
  );
}

function About({ workflow }: { workflow: WorkflowDetail }) {
  return (
    <>
      <div className="row spread">
        <div className="row">
          <h1>{workflow.name}</h1>
          <PauseSwitch workflow={workflow} />
          <span className="muted">{stateText(workflow)}</span>
        </div>
        <TriggerButton workflow={workflow} primary />
      </div>
      {workflow.description ? <p className="muted">{workflow.description}</p> : null}
      {workflow.retiredAt ? (
        <Notice title="Its file is gone">The history stays; it starts no more runs.</Notice>
      ) : workflow.isActive ? null : (
        <Notice title="Its file says is_active: false">
          It starts no runs until the file says something else. What is triggered meanwhile waits.
        </Notice>
      )}
      <Missing commands={missingCommands(workflow)} />
      <Facts
        facts={[
          ["Runs start", <ScheduleText key="schedule" workflow={workflow} />],
          ["Starts after", linksOf(workflow.triggers.flatMap((t) => t.after))],
          ["Starts", linksOf(workflow.starts.map((name) => ({ workflow: name, isThere: true })))],
          ["Owner", workflow.owner || "–"],
          ["Tags", workflow.tags.join(", ") || "–"],
          ["File", workflow.sourceFile ?? "none: made through the API"],
          ["Version", `${workflow.version.number}`],
          ["Commit", workflow.version.commit ? commitText(workflow.version.commit) : null],
          ["Runs at a time", `${workflow.maxActiveRuns}`],
          ["Changed", <Time key="changed" value={workflow.updatedAt} />],
        ]}
      />
      {workflow.schedules.length > 0 && workflow.isActive && !workflow.pausedAt && !workflow.retiredAt ? (
        <NextSlots workflow={workflow.name} />
      ) : null}
      <MissedSlots workflow={workflow.name} />
      {workflow.docs ? (
        <details className="card">
          <summary style={{ padding: "0.6rem 0.9rem", cursor: "pointer" }}>Documentation</summary>
          <pre style={{ padding: "0 0.9rem 0.9rem" }}>{workflow.docs}</pre>
        </details>
      ) : null}
    </>
  );
}

/** linksOf lists workflows of which one starts after the other; null: there are none. */
function linksOf(workflows: readonly { workflow: string; isThere: boolean }[]) {
  if (workflows.length === 0) return null;
  return workflows.map(({ workflow, isThere }, i) => (
    <span key={workflow}>
      {i > 0 ? ", " : null}
      {isThere ? (
        <Link to="/workflows/$name" params={{ name: workflow }}>
          {workflow}
        </Link>
      ) : (
        `${workflow}, which is not there`
      )}
    </span>
  ));
}

/** Missing says what the workflow names and nobody has set: the tasks that name it fail. */
function Missing({ commands }: { commands: readonly string[] }) {
  if (commands.length === 0) return null;
  return (
    <Notice title="It names what is not set">
      <pre>{commands.join("\n")}</pre>
    </Notice>
  );
}

function Pager({ workflow: { name, runs }, firstPage }: { workflow: WorkflowDetail; firstPage: boolean }) {
  const { hasNextPage, endCursor } = runs.pageInfo;
  return (
    <div className="row">
      {firstPage ? null : (
        <Link to="/workflows/$name" params={{ name }} className="button">
          Newest runs
        </Link>
      )}
      {hasNextPage ? (
        <Link
          to="/workflows/$name"
          params={{ name }}
          search={{ after: endCursor ?? undefined }}
          className="button"
        >
          Older runs
        </Link>
      ) : null}
    </div>
  );
}
