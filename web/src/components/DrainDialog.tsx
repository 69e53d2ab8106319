import { useState } from "react";
import { useMutation } from "urql";
import { useAct } from "../hooks/useAct";
import { DrainMutation } from "../services/mutations";
import { refusalText } from "../services/problem";
import { reasonInput } from "../services/reason";
import { unservedQueues, type Worker } from "../services/workers";
import { FormDialog } from "./FormDialog";
import { ReasonField } from "./FormFields";
import { Notice } from "./Notice";

interface DrainDialogProps {
  worker: Worker;
  /** workers are all of them: others may serve the same queues. */
  workers: readonly Worker[];
  onClose: () => void;
}

/** DrainDialog asks whether a worker shall take nothing new, and end. */
export function DrainDialog({ worker, workers, onClose }: DrainDialogProps) {
  const [reason, setReason] = useState("");
  const [, drain] = useMutation(DrainMutation);
  const { problem, act } = useAct();
  const unserved = unservedQueues(workers, worker);
  const submit = () =>
    act(async () => {
      const input = { name: worker.name, ...reasonInput(reason) };
      const { data, error } = await drain({ input });
      return refusalText(error, data?.drainWorker.userErrors);
    });
  return (
    <FormDialog
      title={`Drain ${worker.name}`}
      confirm="Drain"
      danger
      problems={problem === null ? [] : [problem]}
      onSubmit={submit}
      onClose={onClose}
    >
      <p>
        It finishes what it runs, takes nothing new, and ends. This cannot be taken back: start a new one
        instead.
      </p>
      {unserved.length > 0 ? (
        <Notice title={`No other active worker serves ${unserved.join(", ")}`}>
          What is queued there waits until one comes.
        </Notice>
      ) : null}
      <ReasonField help="For the audit log." reason={reason} onChange={setReason} />
    </FormDialog>
  );
}
