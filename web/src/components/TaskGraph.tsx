import {
  Background,
  Controls,
  type Edge,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  type ReactFlowInstance,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useEffect, useMemo, useRef } from "react";
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
  const frame = useRef<HTMLDivElement>(null);
  const flow = useRef<ReactFlowInstance<TaskNode> | null>(null);
  const nodes: TaskNode[] = placed.tasks.map(({ name, x, y }) => ({
    id: name,
    type: "task",
    position: { x, y },
    width: boxWidth,
    height: boxHeight,
    data: { name, task: runs.get(name) ?? null, selected: name === selected, onSelect },
  }));
  const edges: Edge[] = placed.edges.map((edge) => {
    const source = runs.get(edge.source)?.status;
    return { ...edge, className: source === "SUCCESS" ? (styles.done ?? "") : "" };
  });
  // The width changes when a panel opens beside the graph. The library measures
  // itself in the same round, so the graph is fitted in the next one.
  useEffect(() => {
    if (!frame.current) return;
    let next = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(next);
      next = requestAnimationFrame(() => flow.current?.fitView(fit));
    });
    observer.observe(frame.current);
    return () => {
      cancelAnimationFrame(next);
      observer.disconnect();
    };
  }, []);
  const height = Math.min(maxHeight, Math.max(minHeight, placed.height + 40));
  return (
    <div ref={frame} className={styles.graph} style={{ height }} data-testid="task-graph">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        fitView
        fitViewOptions={fit}
        onInit={(instance) => {
          flow.current = instance;
        }}
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
      </ReactFlow>
    </div>
  );
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
