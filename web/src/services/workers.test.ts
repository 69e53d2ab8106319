import { expect, test } from "vitest";
import { canDrain, unservedQueues } from "./workers";

const one = { id: "1", status: "ACTIVE", queues: ["default", "gpu"] } as const;
const two = { id: "2", status: "ACTIVE", queues: ["default"] } as const;

function copy(worker: typeof one | typeof two, status: "ACTIVE" | "DRAINING" | "INACTIVE" = worker.status) {
  return { ...worker, status, queues: [...worker.queues] };
}

test("only an active worker can be drained", () => {
  expect(canDrain({ status: "ACTIVE" })).toBe(true);
  expect(canDrain({ status: "DRAINING" })).toBe(false);
  expect(canDrain({ status: "INACTIVE" })).toBe(false);
});

test("the queues are named that nobody serves once a worker is gone", () => {
  expect(unservedQueues([copy(one), copy(two)], copy(one))).toEqual(["gpu"]);
  expect(unservedQueues([copy(one), copy(two)], copy(two))).toEqual([]);
  expect(unservedQueues([copy(one), copy(two, "DRAINING")], copy(one))).toEqual(["default", "gpu"]);
});
