import { useState } from "react";
import { useClient } from "urql";
import { LogsQuery } from "../services/documents";
import {
  appendPieces,
  emptyLog,
  endOffset,
  type LogBuffer,
  prependPiece,
  startOffset,
} from "../services/logBuffer";
import { LogUpdates } from "../services/subscriptions";
import { type Live, useLive } from "./useLive";

// At first only the end of a log is asked; a step is what "earlier" adds.
const firstBytes = 512 << 10;
const stepBytes = 256 << 10;
const downloadBytes = 1 << 20;

/** AttemptLog is the log of one attempt as far as the page holds it. */
export interface AttemptLog {
  log: LogBuffer;
  live: Live;
  /** isComplete: the attempt is over and the log ends here. */
  isComplete: boolean;
  loadEarlier: () => Promise<void>;
  /** readAll returns the whole log, also what the page does not hold. */
  readAll: () => Promise<Blob>;
}

/** useLog follows the log of an attempt, from its last half megabyte on. */
export function useLog(taskRunId: string, attempt: number): AttemptLog {
  const client = useClient();
  const [log, setLog] = useState(emptyLog);
  const [isComplete, setComplete] = useState(false);
  const live = useLive({
    document: LogUpdates,
    key: attempt > 0 ? `${taskRunId} ${attempt}` : null,
    variables: () => ({ taskRunId, attempt, fromOffset: endOffset(log) ?? -firstBytes }),
    onData: (batch) => {
      const chunks = batch.map((d) => d.taskLogs);
      setLog((old) => appendPieces(old, chunks));
      if (chunks.some((chunk) => chunk.isComplete)) setComplete(true);
    },
  });

  const read = async (fromOffset: number, limit: number) => {
    const { data, error } = await client
      .query(LogsQuery, { id: taskRunId, attempt, fromOffset, limit }, { requestPolicy: "network-only" })
      .toPromise();
    if (error) throw error;
    return data?.taskRun?.logs ?? null;
  };
  const loadEarlier = async () => {
    const start = startOffset(log);
    const from = Math.max(0, start - stepBytes);
    const piece = await read(from, start - from);
    if (piece) setLog((old) => prependPiece(old, piece));
  };
  const readAll = async () => {
    const parts: string[] = [];
    let offset = 0;
    for (;;) {
      const piece = await read(offset, downloadBytes);
      if (!piece || piece.nextOffset <= offset) break;
      parts.push(piece.text);
      offset = piece.nextOffset;
    }
    return new Blob(parts, { type: "text/plain" });
  };
  return { log, live, isComplete, loadEarlier, readAll };
}
