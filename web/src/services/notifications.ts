import type { NotificationEvent } from "../gql/graphql";

/** Told is what a notification is about. */
export interface Told {
  event: NotificationEvent;
  ofTasks: boolean;
  tasks: readonly { name: string }[];
  taskCount: number;
}

const verbs: Record<NotificationEvent, string> = {
  SUCCESS: "succeeded",
  FAILURE: "failed",
  RETRY: "tried again",
  CANCEL: "cancelled",
  LATE: "late",
};

/** aboutText says in a few words what a notification tells. */
export function aboutText(told: Told): string {
  const verb = verbs[told.event];
  const first = told.tasks[0];
  if (!told.ofTasks) return `run ${verb}`;
  return told.taskCount === 1 && first ? `${first.name} ${verb}` : `${told.taskCount} tasks ${verb}`;
}
