import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import type { TriggerWorkflowMutation, WorkflowSummaryFragment } from "../gql/graphql";
import { newKey } from "../services/key";
import { TriggerMutation } from "../services/mutations";
import { missingParams, paramFields, paramValues } from "../services/paramForm";
import { problemText } from "../services/problem";
import { FormDialog } from "./FormDialog";
import { ParamInput } from "./ParamInput";

type Triggerable = Pick<WorkflowSummaryFragment, "name" | "params" | "isPaused" | "retiredAt">;
type UserError = TriggerWorkflowMutation["triggerWorkflow"]["userErrors"][number];

/** TriggerButton opens the dialog that starts a run. */
export function TriggerButton({ workflow, primary = false }: { workflow: Triggerable; primary?: boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        data-variant={primary ? "primary" : undefined}
        disabled={workflow.retiredAt !== null}
        aria-label={`Trigger ${workflow.name}`}
        onClick={() => setOpen(true)}
      >
        <span aria-hidden="true">▶</span> Trigger
      </button>
      {open ? <TriggerDialog workflow={workflow} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

/** useTrigger holds the form, and leads to the run that it started. */
function useTrigger(workflow: Triggerable) {
  const navigate = useNavigate();
  const [fields] = useState(() => paramFields(workflow.params));
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [errors, setErrors] = useState<readonly UserError[]>([]);
  // One key per opening: pressing twice, or again after a lost answer, makes one run.
  const [key] = useState(newKey);
  const [, trigger] = useMutation(TriggerMutation);

  const submit = async () => {
    const missing = missingParams(fields, texts);
    if (missing.length > 0) {
      setErrors(missing.map((name) => ({ field: ["params", name], message: "A value is needed." })));
      return false;
    }
    const input = { workflow: workflow.name, params: paramValues(fields, texts), idempotencyKey: key };
    const { data, error } = await trigger({ input });
    const run = data?.triggerWorkflow.workflowRun;
    if (run) {
      await navigate({
        to: "/workflows/$name/runs/$number",
        params: { name: workflow.name, number: String(run.number) },
      });
      return true;
    }
    setErrors(
      error ? [{ field: null, message: problemText(error) }] : (data?.triggerWorkflow.userErrors ?? []),
    );
    return false;
  };

  const setText = (name: string, text: string) => setTexts((old) => ({ ...old, [name]: text }));
  return { fields, texts, setText, errors, submit };
}

function TriggerDialog({ workflow, onClose }: { workflow: Triggerable; onClose: () => void }) {
  const { fields, texts, setText, errors, submit } = useTrigger(workflow);
  const byField = (name: string) => errors.find((e) => e.field?.join(".") === `params.${name}`)?.message;
  const others = errors.filter((e) => !fields.some((f) => e.field?.join(".") === `params.${f.name}`));
  return (
    <FormDialog
      title={`Trigger ${workflow.name}`}
      confirm="Start the run"
      problems={others.map((e) => e.message)}
      onSubmit={submit}
      onClose={onClose}
    >
      {workflow.isPaused ? (
        <p className="muted">It is paused: the run waits until the pause is lifted.</p>
      ) : null}
      {fields.length === 0 ? <p className="muted">It takes no parameters.</p> : null}
      {fields.map((field) => (
        <ParamInput
          key={field.name}
          field={field}
          text={texts[field.name] ?? field.initial}
          error={byField(field.name)}
          onChange={(text) => setText(field.name, text)}
        />
      ))}
    </FormDialog>
  );
}
