import { useState } from "react";
import { useMutation } from "urql";
import type { NotificationsQuery as NotificationsData } from "../gql/graphql";
import { useAct } from "../hooks/useAct";
import { usePolledQuery } from "../hooks/usePolledQuery";
import { NotificationsQuery } from "../services/documents";
import { SendNotificationMutation } from "../services/mutations";
import { aboutText } from "../services/notifications";
import { refusalText } from "../services/problem";
import styles from "./NextSlots.module.css";
import { Empty, Loading, Notice, QueryError } from "./Notice";
import { Time } from "./Time";

const pollMs = 5_000;

type Notification = NotificationsData["notifications"]["nodes"][number];

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
  const { data, error, refresh } = usePolledQuery(NotificationsQuery, { run }, pollMs);
  if (error) return <QueryError error={error} />;
  if (!data) return <Loading />;
  const { nodes, pageInfo } = data.notifications;
  if (nodes.length === 0) return <Empty title="Nobody is told anything about this run (yet)" />;
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">To</th>
            <th scope="col">State</th>
            <th scope="col">Last error</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((one) => (
            <Row key={one.id} notification={one} onSent={refresh} />
          ))}
        </tbody>
      </table>
      {pageInfo.hasNextPage ? <p className="muted">There are older ones, too.</p> : null}
    </div>
  );
}

function Row({ notification, onSent }: { notification: Notification; onSent: () => void }) {
  const [, send] = useMutation(SendNotificationMutation);
  const { busy, problem, act } = useAct();
  const again = async () => {
    const done = await act(async () => {
      const { data, error } = await send({ input: { id: notification.id } });
      return refusalText(error, data?.sendNotification.userErrors);
    });
    if (done) onSent();
  };
  const about = aboutText(notification);
  return (
    <tr>
      <td>
        <Time value={notification.at} />
      </td>
      <td>{about}</td>
      <td>{notification.recipient}</td>
      <td>
        {notification.state.toLowerCase()}
        {notification.tries > 1 ? <span className="muted"> after {notification.tries} tries</span> : null}
      </td>
      <td className="muted">{notification.lastError}</td>
      <td>
        <button
          type="button"
          disabled={busy}
          onClick={again}
          aria-label={`Send again: ${about}, to ${notification.recipient}`}
        >
          Send again
        </button>
        {problem ? <Notice tone="error" title={problem} /> : null}
      </td>
    </tr>
  );
}
