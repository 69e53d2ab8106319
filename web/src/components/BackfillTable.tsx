import { Link } from "@tanstack/react-router";
import {
  type Backfill,
  backfillNote,
  type DateFate,
  mannerText,
  progressOf,
  rangeText,
} from "../services/backfills";
import { BackfillActions } from "./BackfillActions";
import styles from "./BackfillTable.module.css";
import { ProgressBar, StatusBadge, statusTone } from "./Status";
import { Time } from "./Time";

interface BackfillTableProps {
  workflow: string;
  backfills: readonly Backfill[];
  /** onChange is called after a change that was asked for here. */
  onChange: () => void;
}

/** BackfillTable lists backfills of one workflow. */
export function BackfillTable({ workflow, backfills, onChange }: BackfillTableProps) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Backfill</th>
            <th scope="col">State</th>
            <th scope="col">Dates</th>
            <th scope="col">Progress</th>
            <th scope="col">Created</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {backfills.map((backfill) => (
            <tr key={backfill.id}>
              <td>
                <Link
                  to="/workflows/$name/backfills/$backfill"
                  params={{ name: workflow, backfill: backfill.name }}
                >
                  {backfill.name}
                </Link>
              </td>
              <td>
                <BackfillState backfill={backfill} />
              </td>
              <td>
                <div className="number">{rangeText(backfill)}</div>
                <div className={styles.text}>{mannerText(backfill)}</div>
              </td>
              <td>
                <DatesProgress backfill={backfill} />
              </td>
              <td>
                <Time value={backfill.createdAt} />
                <div className={styles.text}>by {backfill.createdBy}</div>
              </td>
              <td>
                <BackfillActions backfill={backfill} onChange={onChange} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** BackfillState shows the state of a backfill, and what keeps it from going on. */
function BackfillState({ backfill }: { backfill: Backfill }) {
  return (
    <>
      <StatusBadge status={backfill.status} note={backfillNote(backfill)} />
      {backfill.hold ? <div className={styles.text}>{backfill.hold}</div> : null}
      {backfill.problem ? <div className={styles.problem}>{backfill.problem}</div> : null}
    </>
  );
}

/** DatesProgress shows what has become of the dates of a backfill, as a bar with its text. */
export function DatesProgress({ backfill }: { backfill: Backfill }) {
  const { parts, done, total, text } = progressOf(backfill);
  const bar = parts.map(({ fate, count }) => ({ key: fate, tone: toneOf(fate), count }));
  return (
    <>
      <ProgressBar parts={bar} done={done} total={total} text={text} />
      <div className={styles.text} aria-hidden="true">
        {text}
      </div>
    </>
  );
}

function toneOf(fate: DateFate): string | undefined {
  switch (fate) {
    case "TO_COME":
      return undefined;
    case "LEFT_ALONE":
      return statusTone("SKIPPED");
    case "DELETED":
      return statusTone("CANCELLED");
    default:
      return statusTone(fate);
  }
}
