import type { NotificationEvent, NotificationRowFragment, NotificationState } from "../gql/graphql";
import type { NotificationSearch } from "./search";

/** Notification is one as lists show it. */
export type Notification = NotificationRowFragment;

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

/** Outlook is what comes next of a notification, or has come of it last. */
export interface Outlook {
  text: string;
  /** at is when; null: a time would say nothing. */
  at: string | null;
}

/** outlookOf says whether a notification is tried again, and when. */
export function outlookOf({ state, dueAt, sentAt, tries }: Notification): Outlook {
  switch (state) {
    case "SENT":
      return { text: "taken", at: sentAt };
    case "STUCK":
      return { text: "given up", at: null };
    case "PENDING":
      return { text: tries === 0 ? "first try" : "next try", at: dueAt };
  }
}

/** triesText says how often a notification was tried. */
export function triesText(tries: number): string {
  if (tries === 0) return "not yet";
  return tries === 1 ? "once" : `${tries} times`;
}

const states: Record<NonNullable<NotificationSearch["show"]> | "stuck", NotificationState | null> = {
  stuck: "STUCK",
  waiting: "PENDING",
  all: null,
};

/** stateOf returns which notifications the list asks for; null: all. */
export function stateOf(search: NotificationSearch): NotificationState | null {
  return states[search.show ?? "stuck"];
}

/** countText writes a count that stops somewhere. */
export function countText(found: { totalCount: number; totalCountIsExact: boolean }): string {
  return `${found.totalCount.toLocaleString("en")}${found.totalCountIsExact ? "" : "+"}`;
}

/** sendAllText names the button that sends what a list shows: all there are, or those of this page. */
export function sendAllText(shown: number, total: number): string {
  return shown < total ? `Send these ${shown} again` : "Send all again";
}
