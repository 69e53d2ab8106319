import { Graph, layout } from "@dagrejs/dagre";

/** GraphTask is what the layout needs of a task. */
export interface GraphTask {
  name: string;
  dependsOn: readonly string[];
}

/** PlacedTask is a task with the top left corner of its box. */
export interface PlacedTask {
  name: string;
  x: number;
  y: number;
}

/** GraphEdge leads from an upstream task to the one that waits for it. */
export interface GraphEdge {
  id: string;
  source: string;
  target: string;
}

/** GraphLayout is a drawn DAG, from left to right, in pixels. */
export interface GraphLayout {
  tasks: PlacedTask[];
  edges: GraphEdge[];
  width: number;
  height: number;
}

export const boxWidth = 172;
export const boxHeight = 48;

// Above this many tasks the drawing is slower than it is useful.
export const maxGraphTasks = 500;

/** layOut places the tasks of a DAG so that every edge leads to the right. The same tasks get the same places. */
export function layOut(tasks: readonly GraphTask[]): GraphLayout {
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: "LR", nodesep: 16, ranksep: 40, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const task of tasks) graph.setNode(task.name, { width: boxWidth, height: boxHeight });
  const edges: GraphEdge[] = [];
  for (const task of tasks) {
    for (const upstream of task.dependsOn) {
      if (!graph.hasNode(upstream)) continue;
      graph.setEdge(upstream, task.name);
      edges.push({ id: `${upstream} → ${task.name}`, source: upstream, target: task.name });
    }
  }
  layout(graph);
  const placed = tasks.map((task) => {
    const { x, y } = graph.node(task.name);
    return { name: task.name, x: (x ?? 0) - boxWidth / 2, y: (y ?? 0) - boxHeight / 2 };
  });
  return {
    tasks: placed,
    edges,
    width: Math.max(0, ...placed.map((p) => p.x + boxWidth)),
    height: Math.max(0, ...placed.map((p) => p.y + boxHeight)),
  };
}
