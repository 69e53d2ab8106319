import { useState } from "react";
import type { RunSummaryFragment, TaskRowFragment } from "../gql/graphql";
import { taskActions } from "../services/rerun";
import { ClearDialog, MarkDialog } from "./RerunDialogs";
import type { RunDetail } from "./RunHeader";
import styles from "./TaskActions.module.css";

interface TaskActionsProps {
  run: RunSummaryFragment;
  detail: RunDetail;
  task: TaskRowFragment;
  onChange: (run: RunSummaryFragment) => void;
}

/** TaskActions opens the dialogs that run a task again, or say how it ended. */
export function TaskActions({ run, detail, task, onChange }: TaskActionsProps) {
  const [open, setOpen] = useState<"clear" | "mark" | null>(null);
  const { canClear } = taskActions(task);
  const common = { run, detail, task, onDone: onChange, onClose: () => setOpen(null) };
  return (
    <>
      <div className={styles.actions}>
        <button
          type="button"
          disabled={!canClear}
          title={canClear ? "Run it again" : "It has not ended yet"}
          onClick={() => setOpen("clear")}
        >
          Clear …
        </button>
        <button type="button" title="Say how it ended, without running it" onClick={() => setOpen("mark")}>
          Mark as …
        </button>
      </div>
      {open === "clear" ? <ClearDialog {...common} /> : null}
      {open === "mark" ? <MarkDialog {...common} /> : null}
    </>
  );
}
