import type { AnswerApprovalInput } from "../gql/graphql";
import { type ParamField, paramValues } from "./paramForm";
import { reasonInput } from "./reason";

/** Answer is what a person says to a task that asks for an approval. */
export interface Answer {
  task: string;
  approve: boolean;
  fields: readonly ParamField[];
  texts: Readonly<Record<string, string>>;
  requestId: string;
  reason: string;
}

/** answerInput returns what to send for an answer; a rejection fills in nothing. */
export function answerInput(run: string, answer: Answer): AnswerApprovalInput {
  const { task, approve, requestId } = answer;
  const input = { workflowRunId: run, task, approve, requestId, ...reasonInput(answer.reason) };
  return approve ? { ...input, fields: paramValues(answer.fields, answer.texts) } : input;
}

/** fieldError returns what is wrong with one field of an answer. */
export function fieldError(
  errors: readonly { field: readonly string[] | null; message: string }[],
  name: string,
): string | undefined {
  return errors.find((e) => e.field?.join(".") === `fields.${name}`)?.message;
}
