import { stringifyDocument, type TypedDocumentNode } from "@urql/core";
import type { Client, FormattedExecutionResult } from "graphql-ws";
import { retryDelay } from "./backoff";

/** LiveStatus says how a subscription stands. "over": everything has been sent, or it was refused. */
export type LiveStatus = "connecting" | "live" | "reconnecting" | "over";

/** LiveHandlers receive what a subscription brings. */
export interface LiveHandlers<Data, Variables> {
  /** variables is asked at every (re)connect, so that it can name the last revision or offset. */
  variables: () => Variables;
  onData: (data: Data) => void;
  onStatus: (status: LiveStatus) => void;
  /** onRefused hears why the server will never answer this subscription. */
  onRefused: (message: string) => void;
}

/** Transport is the part of graphql-ws's client that a subscription needs. */
export type Transport = Pick<Client, "subscribe">;

// What these codes say does not change by asking again.
const finalCodes = new Set(["NOT_FOUND", "INVALID", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"]);

/**
 * follow subscribes and stays subscribed: after a lost connection it connects
 * again, with growing delays and fresh variables, until the server completes or
 * refuses the subscription. It returns a function that ends it.
 */
export function follow<Data, Variables extends Record<string, unknown>>(
  transport: Transport,
  document: TypedDocumentNode<Data, Variables>,
  handlers: LiveHandlers<Data, Variables>,
): () => void {
  const query = stringifyDocument(document);
  let stopped = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unsubscribe: () => void = () => undefined;

  const end = (status: LiveStatus) => {
    stopped = true;
    handlers.onStatus(status);
  };
  const retry = () => {
    if (stopped) return;
    failures += 1;
    handlers.onStatus("reconnecting");
    timer = setTimeout(connect, retryDelay(failures, Math.random()));
  };
  const fail = (reason: unknown) => {
    if (stopped) return;
    const refusal = refusalOf(reason);
    if (refusal === null) {
      retry();
      return;
    }
    handlers.onRefused(refusal);
    end("over");
  };
  const connect = () => {
    // An errored result is followed by a completion that must not end it all.
    let settled = false;
    const settle = (then: () => void) => {
      if (settled) return;
      settled = true;
      then();
    };
    unsubscribe = transport.subscribe<Data>(
      { query, variables: handlers.variables() },
      {
        next: (result: FormattedExecutionResult<Data, unknown>) => {
          if (stopped) return;
          if (result.errors) {
            settle(() => fail(result.errors));
          } else if (result.data) {
            failures = 0;
            handlers.onStatus("live");
            handlers.onData(result.data);
          }
        },
        error: (reason) => settle(() => fail(reason)),
        complete: () => settle(() => !stopped && end("over")),
      },
    );
  };

  handlers.onStatus("connecting");
  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    unsubscribe();
  };
}

interface GraphQLFailure {
  message: string;
  extensions?: { code?: unknown };
}

function isGraphQLFailure(value: unknown): value is GraphQLFailure {
  return (
    typeof value === "object" && value !== null && "message" in value && typeof value.message === "string"
  );
}

/** refusalOf returns why a subscription is not worth another try, or null if it is. */
function refusalOf(reason: unknown): string | null {
  if (!Array.isArray(reason)) return null;
  const failures = reason.filter(isGraphQLFailure);
  const final = failures.find((f) => finalCodes.has(String(f.extensions?.code)));
  return final ? final.message : null;
}
