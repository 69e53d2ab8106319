import { usePolledQuery } from "../hooks/usePolledQuery";
import { StuckQuery } from "../services/notificationDocuments";
import { countText } from "../services/notifications";
import styles from "./Shell.module.css";

const pollMs = 30_000;

/** StuckMark says how many notifications are stuck, if any: somebody has to look. */
export function StuckMark() {
  const { data } = usePolledQuery(StuckQuery, {}, pollMs);
  const found = data?.notifications;
  if (!found || found.totalCount === 0) return null;
  return (
    <span className={styles.mark}>
      {countText(found)}
      <span className="visually-hidden"> stuck</span>
    </span>
  );
}
