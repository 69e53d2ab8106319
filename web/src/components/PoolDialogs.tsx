import { useState } from "react";
import { useMutation } from "urql";
import { useAct } from "../hooks/useAct";
import { DeletePoolMutation, SetPoolMutation } from "../services/mutations";
import {
  emptyPool,
  fieldProblem,
  formOf,
  isProblem,
  type Pool,
  type PoolField,
  type PoolProblem,
  poolInput,
} from "../services/pools";
import { problemText, refusalText } from "../services/problem";
import { reasonInput } from "../services/reason";
import { FormDialog } from "./FormDialog";
import { ReasonField, TextField } from "./FormFields";

interface PoolDialogProps {
  /** pool is the one to change; null: a new one. */
  pool: Pool | null;
  /** taken holds the names that a new pool must not have. */
  taken: readonly string[];
  onDone: () => void;
  onClose: () => void;
}

/** PoolDialog makes a pool, or changes its slots and description. */
export function PoolDialog({ pool, taken, onDone, onClose }: PoolDialogProps) {
  const [form, setForm] = useState(() => (pool ? formOf(pool) : emptyPool));
  const [problem, setProblem] = useState<PoolProblem | null>(null);
  const [, set] = useMutation(SetPoolMutation);
  const submit = async () => {
    const input = poolInput(form, taken);
    if (isProblem(input)) {
      setProblem(input);
      return false;
    }
    const { data, error } = await set({ input });
    const [first] = data?.setPool.userErrors ?? [];
    if (error || first) {
      setProblem(first ? fieldProblem(first) : { field: null, message: problemText(error) });
      return false;
    }
    onDone();
    return true;
  };
  const field = (name: PoolField) => ({
    text: form[name],
    error: problem?.field === name ? problem.message : undefined,
    onChange: (text: string) => setForm((old) => ({ ...old, [name]: text })),
  });
  return (
    <FormDialog
      title={pool ? `Change pool ${pool.name}` : "New pool"}
      confirm={pool ? "Save" : "Create"}
      problems={problem !== null && problem.field === null ? [problem.message] : []}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextField
        label="Name"
        readOnly={pool !== null}
        help="Tasks name it as their pool."
        {...field("name")}
      />
      <TextField
        label="Slots"
        inputMode="numeric"
        help="How many there are. With 0 nothing of it starts; fewer than are used end nothing."
        {...field("slots")}
      />
      <TextField label="Description" help="What it is for." {...field("description")} />
    </FormDialog>
  );
}

interface DeletePoolDialogProps {
  pool: Pool;
  onDone: () => void;
  onClose: () => void;
}

/** DeletePoolDialog asks whether a pool shall be deleted. */
export function DeletePoolDialog({ pool, onDone, onClose }: DeletePoolDialogProps) {
  const [reason, setReason] = useState("");
  const [, remove] = useMutation(DeletePoolMutation);
  const { problem, act } = useAct();
  const submit = () =>
    act(async () => {
      const input = { name: pool.name, ...reasonInput(reason) };
      const { data, error } = await remove({ input });
      const refusal = refusalText(error, data?.deletePool.userErrors);
      if (refusal === null) onDone();
      return refusal;
    });
  return (
    <FormDialog
      title={`Delete pool ${pool.name}`}
      confirm="Delete"
      danger
      problems={problem === null ? [] : [problem]}
      onSubmit={submit}
      onClose={onClose}
    >
      <p>Tasks that want it wait until there is a pool of that name again. What runs goes on.</p>
      <ReasonField help="For the audit log." reason={reason} onChange={setReason} />
    </FormDialog>
  );
}
