import type { LiveStatus } from "../services/live";
import styles from "./LiveMark.module.css";

const texts: Record<LiveStatus, string> = {
  connecting: "connecting …",
  live: "live",
  reconnecting: "connection lost, trying again …",
  over: "",
};

/** LiveMark says whether what is shown is up to date. Once all is over, there is nothing to say. */
export function LiveMark({ status }: { status: LiveStatus }) {
  return (
    <span className={styles.mark} data-live={status} role="status">
      {texts[status]}
    </span>
  );
}
