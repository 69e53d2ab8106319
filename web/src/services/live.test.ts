import { gql, type TypedDocumentNode } from "@urql/core";
import type { Sink, SubscribePayload } from "graphql-ws";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { follow, type LiveStatus } from "./live";

type Data = { tick: number };
type Variables = { since: number | null };
const document: TypedDocumentNode<Data, Variables> = gql`
  subscription Tick($since: Int) {
    tick(since: $since)
  }
`;

// Wire is the far end of the connection, in the hands of the test.
class Wire {
  subscriptions: { variables: unknown; sink: Sink<{ data: Data }> }[] = [];
  closed = 0;
  subscribe = (payload: SubscribePayload, sink: Sink<never>) => {
    this.subscriptions.push({ variables: payload.variables, sink: sink as Sink<{ data: Data }> });
    return () => {
      this.closed += 1;
    };
  };
  get last(): Sink<{ data: Data }> {
    const last = this.subscriptions.at(-1);
    if (!last) throw new Error("nobody has subscribed");
    return last.sink;
  }
}

function start(wire: Wire) {
  const seen: { ticks: number[]; statuses: LiveStatus[]; refused: string[] } = {
    ticks: [],
    statuses: [],
    refused: [],
  };
  const stop = follow(wire, document, {
    variables: () => ({ since: seen.ticks.at(-1) ?? null }),
    onData: (data) => seen.ticks.push(data.tick),
    onStatus: (status) => seen.statuses.push(status),
    onRefused: (message) => seen.refused.push(message),
  });
  return { seen, stop };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("goes on from the last value after a lost connection", () => {
  const wire = new Wire();
  const { seen, stop } = start(wire);
  wire.last.next({ data: { tick: 1 } });
  wire.last.next({ data: { tick: 2 } });
  wire.last.error(new Error("connection lost"));
  expect(seen.statuses.at(-1)).toBe("reconnecting");
  vi.advanceTimersByTime(5_000);
  wire.last.next({ data: { tick: 3 } });

  expect(wire.subscriptions.map((s) => s.variables)).toEqual([{ since: null }, { since: 2 }]);
  expect(seen.ticks).toEqual([1, 2, 3]);
  expect(seen.statuses.at(-1)).toBe("live");
  stop();
});

test("keeps trying while the server is away", () => {
  const wire = new Wire();
  const { seen, stop } = start(wire);
  for (let i = 0; i < 20; i++) {
    wire.last.error(new Error("connection refused"));
    vi.advanceTimersByTime(5_000);
  }
  expect(wire.subscriptions).toHaveLength(21);
  expect(seen.refused).toEqual([]);
  stop();
});

test("asks again when it was too slow, though the server completes after the error", () => {
  const wire = new Wire();
  const { seen, stop } = start(wire);
  const slow = { message: "too slow", extensions: { code: "SLOW_CLIENT" } };
  wire.last.next({ data: { tick: 1 }, errors: [slow] } as never);
  wire.last.complete();
  expect(seen.statuses.at(-1)).toBe("reconnecting");
  stop();
});

test("ends when the server completes", () => {
  const wire = new Wire();
  const { seen } = start(wire);
  wire.last.next({ data: { tick: 1 } });
  wire.last.complete();
  vi.advanceTimersByTime(60_000);
  expect(wire.subscriptions).toHaveLength(1);
  expect(seen.statuses.at(-1)).toBe("over");
});

test("does not ask again for what is not there", () => {
  const wire = new Wire();
  const { seen } = start(wire);
  wire.last.error([{ message: "no such run", extensions: { code: "NOT_FOUND" } }] as never);
  vi.advanceTimersByTime(60_000);
  expect(wire.subscriptions).toHaveLength(1);
  expect(seen.refused).toEqual(["no such run"]);
});

test("stops for good", () => {
  const wire = new Wire();
  const { stop } = start(wire);
  wire.last.error(new Error("connection lost"));
  stop();
  vi.advanceTimersByTime(60_000);
  expect(wire.subscriptions).toHaveLength(1);
  expect(wire.closed).toBe(1);
});
