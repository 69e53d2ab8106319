import { expect, test } from "vitest";
import { boxHeight, type GraphTask, layOut, maxGraphTasks } from "./graphLayout";

const diamond: GraphTask[] = [
  { name: "extract", dependsOn: [] },
  { name: "left", dependsOn: ["extract"] },
  { name: "right", dependsOn: ["extract"] },
  { name: "join", dependsOn: ["left", "right"] },
];

test("every edge leads to the right", () => {
  const graph = layOut(diamond);
  const x = new Map(graph.tasks.map((task) => [task.name, task.x]));
  expect(graph.edges).toHaveLength(4);
  for (const edge of graph.edges) {
    expect(x.get(edge.source)).toBeLessThan(x.get(edge.target) ?? 0);
  }
});

test("boxes of one column do not overlap", () => {
  const graph = layOut(diamond);
  const [left, right] = ["left", "right"].map((name) => graph.tasks.find((task) => task.name === name));
  expect(Math.abs((left?.y ?? 0) - (right?.y ?? 0))).toBeGreaterThanOrEqual(boxHeight);
});

test("the same tasks get the same places", () => {
  expect(layOut(diamond)).toEqual(layOut(diamond));
});

test("one task, none, and an upstream that is not there", () => {
  expect(layOut([]).tasks).toEqual([]);
  expect(layOut([{ name: "only", dependsOn: ["gone"] }]).edges).toEqual([]);
});

test("the largest drawn graph has a box for each task", () => {
  const tasks = Array.from({ length: maxGraphTasks }, (_, i) => ({
    name: `t${i}`,
    dependsOn: i === 0 ? [] : [`t${Math.floor((i - 1) / 3)}`],
  }));
  expect(layOut(tasks).tasks).toHaveLength(maxGraphTasks);
});
