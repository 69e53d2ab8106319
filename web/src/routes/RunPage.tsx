import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useEffect, useEffectEvent, useMemo, useState } from "react";
import { Breadcrumb } from "../components/Breadcrumb";
import { GraphCard } from "../components/GraphCard";
import { Empty, Loading, Notice, QueryError } from "../components/Notice";
import { Notifications } from "../components/Notifications";
import { PendingNotice } from "../components/PendingNotice";
import { type RunDetail, RunHeader } from "../components/RunHeader";
import { statusText } from "../components/Status";
import { TaskPanel } from "../components/TaskPanel";
import { TaskTable } from "../components/TaskTable";
import type { RunSummaryFragment } from "../gql/graphql";
import { useCatalogQuery } from "../hooks/useCatalogQuery";
import { useLive } from "../hooks/useLive";
import { useTitle } from "../hooks/useTitle";
import { RunQuery } from "../services/documents";
import { applyUpdates, emptyRun, learnRun } from "../services/runState";
import type { RunSearch } from "../services/search";
import { RunsUpdates, RunUpdates } from "../services/subscriptions";
import styles from "./RunPage.module.css";

const route = getRouteApi("/workflows/$name/runs/$number");

/** RunPage shows one run as it goes. */
export function RunPage() {
  const { name, number } = route.useParams();
  useTitle(`${name}#${number}`);
  const wanted = Number(number);
  const valid = Number.isSafeInteger(wanted) && wanted > 0;
  const variables = { workflow: name, number: valid ? wanted : 0 };
  const { data, error, refresh } = useCatalogQuery(RunQuery, variables, name);
  const run = data?.workflow?.run;
  if (run) {
    return (
      <div className="stack">
        {error ? <QueryError error={error} /> : null}
        <LiveRun key={run.id} detail={run} onStale={refresh} />
      </div>
    );
  }
  if (error) return <QueryError error={error} />;
  if (data) {
    return (
      <Empty title={`There is no run ${name}#${number}`}>
        <Link to="/workflows/$name" params={{ name }}>
          To the runs of {name}
        </Link>
      </Empty>
    );
  }
  return <Loading />;
}

/** useRun follows a run from its first task to its end, and again if it goes on after that. */
function useRun(detail: RunDetail) {
  const [state, setState] = useState(emptyRun);
  const live = useLive({
    document: RunUpdates,
    key: `${detail.id} ${state.opened}`,
    variables: () => ({ id: detail.id, sinceRevision: state.revision }),
    onData: (batch) =>
      setState((old) =>
        applyUpdates(
          old,
          batch.map((d) => d.workflowRunUpdated),
        ),
      ),
  });
  const learn = useCallback((run: RunSummaryFragment) => setState((old) => learnRun(old, run)), []);
  // The run's own subscription has ended with it; this one hears when somebody retries it.
  useLive({
    document: RunsUpdates,
    key: live.status === "over" && live.refusal === null ? detail.workflow.name : null,
    variables: () => ({ filter: { workflow: detail.workflow.name } }),
    onData: (batch) => {
      for (const { workflowRunsUpdated: run } of batch) learn(run);
    },
  });
  return { state, live, learn };
}

interface LiveRunProps {
  detail: RunDetail;
  /** onStale asks for the detail anew. */
  onStale: () => void;
}

function LiveRun({ detail, onStale }: LiveRunProps) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { state, live, learn } = useRun(detail);
  const run = state.run ?? detail;
  useTitle(`${statusText(run.status)}: ${run.label}`);

  // A run that was opened again may go on with another version, one that succeeds has outputs, and a late one marks.
  const askAnew = useEffectEvent(onStale);
  const newer = run.generation > detail.generation ? run.generation : null;
  const succeeds = run.status === "SUCCESS" && detail.status !== "SUCCESS";
  const turnsLate = run.lateAt !== null && detail.lateAt === null;
  useEffect(() => {
    if (newer !== null || succeeds || turnsLate) askAnew();
  }, [newer, succeeds, turnsLate]);

  const byName = useMemo(() => new Map(state.tasks.map((task) => [task.name, task])), [state.tasks]);
  // The detail may be asked again, but a version never changes.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above.
  const graph = useMemo(() => detail.version.tasks, [detail.version.id]);
  const change = useCallback(
    (next: RunSearch) => navigate({ search: (old) => ({ ...old, ...next }), resetScroll: false }),
    [navigate],
  );
  const select = useCallback((task: string) => change({ task, attempt: undefined }), [change]);
  const chosen = search.task === undefined ? undefined : byName.get(search.task);

  const strange = search.task !== undefined && !chosen && state.tasks.length > 0;

  return (
    <div className="stack">
      <Breadcrumb items={[{ text: run.workflow.name, workflow: run.workflow.name }, { text: run.label }]} />
      <RunHeader run={run} detail={detail} live={live.status} onChange={learn} />
      {live.refusal ? <Notice tone="error" title={live.refusal} /> : null}
      <StateNotice run={run} detail={detail} />
      {strange ? <Notice title={`This run has no task ${search.task}`} /> : null}
      <div className={chosen ? styles.split : "stack"}>
        <div className={styles.tasks}>
          <GraphCard tasks={graph} runs={byName} selected={search.task} onSelect={select} />
          <TaskTable
            run={run}
            tasks={state.tasks}
            status={search.status}
            selected={search.task}
            onSelect={select}
            onStatus={(status) => change({ status })}
          />
          <Notifications run={detail.id} />
        </div>
        {chosen ? (
          <TaskPanel
            key={chosen.id}
            run={run}
            detail={detail}
            task={chosen}
            attempt={search.attempt}
            tab={search.tab}
            onChange={change}
            onRunChange={learn}
            onClose={() => change({ task: undefined, attempt: undefined, tab: undefined })}
          />
        ) : null}
      </div>
    </div>
  );
}

/** StateNotice says what a run waits for, or why it ended as it did. */
function StateNotice({ run, detail }: { run: RunSummaryFragment; detail: RunDetail }) {
  if (run.pausedAt !== null && run.finishedAt === null) {
    return (
      <Notice title="It is paused">
        Nothing more of it starts until it is resumed. What runs goes on, and so does its timeout.
      </Notice>
    );
  }
  if (run.status === "PENDING") return <PendingNotice run={detail} />;
  return run.reason ? <Notice tone={run.status === "FAILED" ? "error" : "info"} title={run.reason} /> : null;
}
