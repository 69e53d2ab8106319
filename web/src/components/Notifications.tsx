import { useState } from "react";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { RunNotificationsQuery } from "../services/notificationDocuments";
import styles from "./NextSlots.module.css";
import { Empty, Loading, QueryError } from "./Notice";
import { NotificationTable } from "./NotificationTable";

const pollMs = 5_000;

/** Notifications lists, once it is opened, what people are told about a run, and what keeps it from them. */
export function Notifications({ run }: { run: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="card" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className={styles.summary}>Notifications</summary>
      {open ? <Asked run={run} /> : null}
    </details>
  );
}

function Asked({ run }: { run: string }) {
  const { data, error, refresh } = usePolledQuery(RunNotificationsQuery, { run }, pollMs);
  if (error) return <QueryError error={error} />;
  if (!data) return <Loading />;
  const { nodes, pageInfo } = data.notifications;
  if (nodes.length === 0) return <Empty title="Nobody is told anything about this run (yet)" />;
  return (
    <>
      <NotificationTable notifications={nodes} onSent={refresh} />
      {pageInfo.hasNextPage ? <p className="muted">There are older ones, too.</p> : null}
    </>
  );
}
