import {
  Background,
  Controls,
  type Edge,
  Handle,
  type Node,
  type NodeHandle,
  type NodeProps,
  Position,
  ReactFlow,
  useReactFlow,
  useStore,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useEffect, useMemo } from "react";
import type { TaskRowFragment } from "../gql/graphql";
import { boxHeight, boxWidth, type GraphTask, layOut } from "../services/graphLayout";
import { StatusIcon, statusText, statusTone } from "./Status";
import styles from "./TaskGraph.module.css";
import { Elapsed } from "./Time";

type TaskNode = Node<
  {
    name: string;
    task: TaskRowFragment | null;
    selected: boolean;
    onSelect: ((name: string) => void) | null;
  },
  "task"
>;

const fit = { maxZoom: 1, padding: 0.06 };
const minHeight = 190;
const maxHeight = 420;

// Sizes and the ends of edges are known, so the graph is whole also in a tab that
// was not in view yet, in which nothing can be measured.
const handles: NodeHandle[] = [
  { type: "target", position: Position.Left, x: 0, y: boxHeight / 2 },
  { type: "source", position: Position.Right, x: boxWidth, y: boxHeight / 2 },
];

interface TaskGraphProps {
  tasks: readonly GraphTask[];
  /** runs holds the task runs by name; empty before a run has any. */
  runs: ReadonlyMap<string, TaskRowFragment>;
  selected?: string | undefined;
  /** onSelect makes the boxes buttons; null: they only show. */
  onSelect: ((name: string) => void) | null;
}

/** TaskGraph draws a DAG, with the states of its task runs. */
export default function TaskGraph({ tasks, runs, selected, onSelect }: TaskGraphProps) {
  const placed = useMemo(() => layOut(tasks), [tasks]);
  const nodes: TaskNode[] = placed.tasks.map(({ name, x, y }) => ({
    id: name,
    type: "task",
    position: { x, y },
    width: boxWidth,
    height: boxHeight,
    measured: { width: boxWidth, height: boxHeight },
    handles,
    data: { name, task: runs.get(name) ?? null, selected: name === selected, onSelect },
  }));
  const edges: Edge[] = placed.edges.map((edge) => {
    const source = runs.get(edge.source)?.status;
    return { ...edge, className: source === "SUCCESS" ? (styles.done ?? "") : "" };
  });
  const height = Math.min(maxHeight, Math.max(minHeight, placed.height + 40));
  return (
    <div className={styles.graph} style={{ height }} data-testid="task-graph">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        fitView
        fitViewOptions={fit}
        minZoom={0.1}
        maxZoom={1.5}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        preventScrolling={false}
        zoomOnScroll={false}
        onlyRenderVisibleElements={tasks.length > 100}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={18} />
        <Controls showInteractive={false} />
        <Fit />
      </ReactFlow>
    </div>
  );
}

/** Fit keeps the graph whole in its frame, whose size changes when a panel opens beside it. */
function Fit() {
  const { fitView } = useReactFlow();
  const width = useStore((flow) => flow.width);
  const height = useStore((flow) => flow.height);
  useEffect(() => {
    if (width > 0 && height > 0) fitView(fit);
  }, [fitView, width, height]);
  return null;
}

function TaskBox({ data }: NodeProps<TaskNode>) {
  const { name, task, onSelect } = data;
  const state = task ? statusText(task.status) : "";
  const content = (
    <>
      {task ? <StatusIcon status={task.status} /> : null}
      <span className={styles.text}>
        <span className={styles.name} title={name}>
          {name}
        </span>
        {task ? (
          <span className={styles.state}>
            {state}
            {task.startedAt ? (
              <>
                {" · "}
                <Elapsed startedAt={task.startedAt} finishedAt={task.finishedAt} />
              </>
            ) : null}
          </span>
        ) : null}
      </span>
    </>
  );
  return (
    <>
      <Handle type="target" position={Position.Left} className={styles.handle} />
      {onSelect ? (
        <button
          type="button"
          className={styles.box}
          data-tone={task ? statusTone(task.status) : undefined}
          data-selected={data.selected}
          aria-pressed={data.selected}
          onClick={() => onSelect(name)}
        >
          {content}
        </button>
      ) : (
        <div className={styles.box}>{content}</div>
      )}
      <Handle type="source" position={Position.Right} className={styles.handle} />
    </>
  );
}

const nodeTypes = { task: TaskBox };
