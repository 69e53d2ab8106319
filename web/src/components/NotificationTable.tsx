import { Link } from "@tanstack/react-router";
import { useMutation } from "urql";
import { useAct } from "../hooks/useAct";
import { SendNotificationMutation } from "../services/notificationDocuments";
import { aboutText, type Notification, outlookOf, triesText } from "../services/notifications";
import { placeOf } from "../services/pools";
import { refusalText } from "../services/problem";
import { Notice } from "./Notice";
import styles from "./NotificationTable.module.css";
import { Time } from "./Time";

interface NotificationTableProps {
  notifications: readonly Notification[];
  /** ofAllRuns: they are about several runs, so each says about which. */
  ofAllRuns?: boolean;
  /** onSent is called after one was sent from here. */
  onSent: () => void;
}

/** NotificationTable lists notifications, with what keeps them from their receivers. */
export function NotificationTable({ notifications, ofAllRuns = false, onSent }: NotificationTableProps) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            {ofAllRuns ? <th scope="col">Run</th> : null}
            <th scope="col">What</th>
            <th scope="col">To</th>
            <th scope="col">State</th>
            <th scope="col">Tried</th>
            <th scope="col">Last error</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {notifications.map((one) => (
            <Row key={one.id} notification={one} ofAllRuns={ofAllRuns} onSent={onSent} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  notification: Notification;
  ofAllRuns: boolean;
  onSent: () => void;
}

function Row({ notification, ofAllRuns, onSent }: RowProps) {
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
  const { text, at } = outlookOf(notification);
  return (
    <tr>
      <td>
        <Time value={notification.at} />
      </td>
      {ofAllRuns ? (
        <td className="number">
          <RunOf label={notification.run} />
        </td>
      ) : null}
      <td className={styles.about}>{about}</td>
      <td className={styles.to}>{notification.recipient}</td>
      <td className={styles.state} data-state={notification.state}>
        {notification.state.toLowerCase()}
      </td>
      <td>
        <div className="number">{triesText(notification.tries)}</div>
        <div className={styles.outlook}>
          {text} {at === null ? null : <Time value={at} />}
        </div>
      </td>
      <td className={styles.error}>{notification.lastError}</td>
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

function RunOf({ label }: { label: string }) {
  const place = placeOf(label);
  if (!place) return label;
  return (
    <Link to="/workflows/$name/runs/$number" params={{ ...place }}>
      {label}
    </Link>
  );
}
