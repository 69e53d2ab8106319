import type { BackfillPlan } from "../hooks/useBackfillPlan";
import { actionText, dateText, planText } from "../services/backfills";
import styles from "./BackfillDates.module.css";

// More rows than these nobody reads: the line above counts them all.
const rowsMax = 200;

interface BackfillDatesProps {
  /** plan is null until it is known. */
  plan: BackfillPlan | null;
  /** asked: the form says enough to ask for a plan. */
  asked: boolean;
  timezone: string;
}

/** BackfillDates lists the dates of a backfill that is not there yet, with what would become of each. */
export function BackfillDates({ plan, asked, timezone }: BackfillDatesProps) {
  if (!asked) return <p className="muted">Choose from when to when, and its dates are listed here.</p>;
  if (plan === null) return <p role="status">Asking for its dates …</p>;
  if (plan.dates.length === 0) return null;
  const more = plan.dates.length - rowsMax;
  return (
    <div className={styles.dates}>
      <p role="status">{planText(plan.dates)}.</p>
      <section
        className={styles.scroll}
        aria-label="Dates"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it.
        tabIndex={0}
      >
        <table>
          <thead>
            <tr>
              <th scope="col">Date ({timezone})</th>
              <th scope="col">Gets</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {plan.dates.slice(0, rowsMax).map((date) => (
              <tr key={date.logicalDate} className={date.action === "LEAVE" ? "muted" : undefined}>
                <td className="number">{dateText(date.logicalDate, timezone)}</td>
                <td className="number">{actionText(date.action)}</td>
                <td>{date.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {more > 0 ? <p className="muted">and {more.toLocaleString("en")} more</p> : null}
    </div>
  );
}
