import type { WorkersUpdatesSubscription } from "../gql/graphql";

/** Worker is a session of a worker process. */
export type Worker = WorkersUpdatesSubscription["workersUpdated"][number];

/** canDrain reports whether a worker can be asked to take nothing new. */
export function canDrain(worker: Pick<Worker, "status">): boolean {
  return worker.status === "ACTIVE";
}

/** unservedQueues returns the queues of a worker that no other active one serves. */
export function unservedQueues(
  workers: readonly Pick<Worker, "id" | "status" | "queues">[],
  leaving: Pick<Worker, "id" | "queues">,
): string[] {
  const others = workers.filter((w) => w.id !== leaving.id && w.status === "ACTIVE");
  const served = new Set(others.flatMap((w) => w.queues));
  return leaving.queues.filter((queue) => !served.has(queue));
}
