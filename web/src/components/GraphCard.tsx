import { lazy, Suspense } from "react";
import type { TaskRowFragment } from "../gql/graphql";
import { type GraphTask, maxGraphTasks } from "../services/graphLayout";
import styles from "./GraphCard.module.css";
import { Loading } from "./Notice";

// The drawing library is half of the page's code: lists do not wait for it.
const TaskGraph = lazy(() => import("./TaskGraph"));

interface GraphCardProps {
  tasks: readonly GraphTask[];
  runs: ReadonlyMap<string, TaskRowFragment>;
  selected?: string | undefined;
  onSelect: ((name: string) => void) | null;
}

/** GraphCard shows the DAG, unless it is too large to be drawn usefully. */
export function GraphCard(props: GraphCardProps) {
  const count = props.tasks.length;
  return (
    <section className="card" aria-label="Graph">
      <div className={styles.head}>
        <h2>Graph</h2>
        <span className="muted">{count === 1 ? "1 task" : `${count} tasks`}</span>
      </div>
      {count > maxGraphTasks ? (
        <p className={styles.large}>A graph of more than {maxGraphTasks} tasks is not drawn: use the list.</p>
      ) : (
        <Suspense fallback={<Loading />}>
          <TaskGraph {...props} />
        </Suspense>
      )}
    </section>
  );
}
