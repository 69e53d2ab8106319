import { expect, test } from "vitest";
import { answerInput, fieldError } from "./approval";
import { paramFields } from "./paramForm";

const fields = paramFields([
  {
    name: "rows",
    type: "INTEGER",
    description: "",
    enum: null,
    default: null,
    isRequired: true,
    pattern: "",
    minimum: null,
    maximum: null,
  },
]);
const answer = { task: "ok", fields, texts: { rows: "7" }, requestId: "id", reason: " looked at it " };

test("an approval fills in its fields, a rejection none", () => {
  const common = { workflowRunId: "run", task: "ok", requestId: "id", reason: "looked at it" };
  expect(answerInput("run", { ...answer, approve: true })).toEqual({
    ...common,
    approve: true,
    fields: { rows: "7" },
  });
  expect(answerInput("run", { ...answer, approve: false })).toEqual({ ...common, approve: false });
});

test("an error belongs to the field that it names", () => {
  const errors = [
    { field: ["fields", "rows"], message: "too many" },
    { field: ["task"], message: "not there" },
  ];
  expect(fieldError(errors, "rows")).toBe("too many");
  expect(fieldError(errors, "task")).toBeUndefined();
});
