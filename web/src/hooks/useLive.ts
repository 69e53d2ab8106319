import type { TypedDocumentNode } from "@urql/core";
import { useEffect, useEffectEvent, useState } from "react";
import { socket } from "../services/client";
import { follow, type LiveStatus } from "../services/live";

// Updates that come within this time are shown together: a run with thousands
// of tasks must not redraw the page thousands of times.
const batchMs = 100;

/** LiveOptions says what to subscribe to and what to do with what comes. */
export interface LiveOptions<Data, Variables> {
  document: TypedDocumentNode<Data, Variables>;
  /** key names the subscription: another key ends it and starts a new one; null: none is wanted now. */
  key: string | null;
  /** variables is asked at every (re)connect. */
  variables: () => Variables;
  /** onData receives what came since the last call, in order. */
  onData: (batch: readonly Data[]) => void;
}

/** Live says how the subscription stands, and why the server refused it, if it did. */
export interface Live {
  status: LiveStatus;
  refusal: string | null;
}

/** useLive keeps a subscription going while the component is there. */
export function useLive<Data, Variables extends Record<string, unknown>>(
  options: LiveOptions<Data, Variables>,
): Live {
  const { document, key } = options;
  const [live, setLive] = useState<Live>({ status: "connecting", refusal: null });
  const variables = useEffectEvent(options.variables);
  const onData = useEffectEvent(options.onData);

  useEffect(() => {
    if (key === null) return;
    let batch: Data[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      clearTimeout(timer);
      timer = undefined;
      if (batch.length === 0) return;
      const taken = batch;
      batch = [];
      onData(taken);
    };
    const stop = follow(socket, document, {
      variables: () => variables(),
      onData: (data) => {
        batch.push(data);
        timer ??= setTimeout(flush, batchMs);
      },
      onStatus: (status) => {
        // What has arrived must count before variables are asked again.
        if (status !== "live") flush();
        setLive((old) => (old.status === status ? old : { ...old, status }));
      },
      onRefused: (refusal) => setLive({ status: "over", refusal }),
    });
    return () => {
      stop();
      clearTimeout(timer);
      setLive({ status: "connecting", refusal: null });
    };
  }, [document, key]);

  return live;
}
