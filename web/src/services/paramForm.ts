import type { WorkflowSummaryFragment } from "../gql/graphql";

export type Param = WorkflowSummaryFragment["params"][number];

/** ParamField is one input of the trigger form. Its text is empty for "take the default". */
export interface ParamField {
  name: string;
  description: string;
  isRequired: boolean;
  control: "text" | "number" | "date" | "select" | "json";
  /** step of a number input: whole numbers or any. */
  step: "1" | "any";
  /** min and max of a number or date input; empty for none. */
  min: string;
  max: string;
  options: readonly string[];
  /** initial is the text that the form starts with. */
  initial: string;
  /** hint says what an empty input means, or what a value looks like. */
  hint: string;
}

/** paramFields returns the inputs for the parameters of a workflow. */
export function paramFields(params: readonly Param[]): ParamField[] {
  return params.map((param) => {
    const options = optionsOf(param);
    const initial = initialOf(param);
    return {
      name: param.name,
      description: param.description,
      isRequired: param.isRequired,
      control: options.length > 0 ? "select" : controlOf(param),
      step: param.type === "INTEGER" ? "1" : "any",
      min: boundOf(param.minimum),
      max: boundOf(param.maximum),
      options,
      initial,
      hint: hintOf(param, initial),
    };
  });
}

function optionsOf(param: Param): string[] {
  if (param.enum !== null && param.enum.length > 0) return param.enum.map(textOf);
  return param.type === "BOOLEAN" ? ["true", "false"] : [];
}

function controlOf(param: Param): ParamField["control"] {
  switch (param.type) {
    case "INTEGER":
    case "NUMBER":
      return "number";
    case "DATE":
      return "date";
    case "LIST":
    case "OBJECT":
      return "json";
    default:
      return "text";
  }
}

// A default with an expression is only known when the run starts, so the form
// leaves it to the server.
function initialOf(param: Param): string {
  if (param.default === null || isExpression(param.default)) return "";
  return textOf(param.default);
}

function isExpression(value: unknown): value is string {
  return typeof value === "string" && value.includes("${{");
}

const looks: Partial<Record<Param["type"], string>> = {
  DATETIME: "Like 2026-01-31T06:00:00Z.",
  DURATION: "Like 90s, 1h30m or 2d.",
  LIST: 'JSON like ["a", 1].',
  OBJECT: 'JSON like {"a": 1}.',
};

function hintOf(param: Param, initial: string): string {
  return [looks[param.type] ?? "", rulesOf(param), emptyOf(param, initial)]
    .filter((part) => part !== "")
    .join(" ");
}

function rulesOf(param: Param): string {
  const min = boundOf(param.minimum);
  const max = boundOf(param.maximum);
  const rules: string[] = [];
  if (min !== "" && max !== "") rules.push(`From ${min} to ${max}.`);
  else if (min !== "") rules.push(`At least ${min}.`);
  else if (max !== "") rules.push(`At most ${max}.`);
  if (param.pattern !== "") rules.push(`Matches ${param.pattern}`);
  return rules.join(" ");
}

function emptyOf(param: Param, initial: string): string {
  if (isExpression(param.default)) return `Empty: ${param.default}`;
  if (initial !== "" || param.isRequired) return "";
  return param.default === null ? "Empty: none" : "Empty: the default, an empty text";
}

function boundOf(bound: unknown): string {
  return bound === null || bound === undefined ? "" : textOf(bound);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * paramValues returns what to send for the texts of a form: only what differs
 * from leaving the parameter out. The server parses the texts by the types of
 * the parameters, so a whole number of 64 bits arrives as it was written.
 */
export function paramValues(
  fields: readonly ParamField[],
  texts: Readonly<Record<string, string>>,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const field of fields) {
    const text = texts[field.name] ?? field.initial;
    if (text !== field.initial) values[field.name] = text;
  }
  return values;
}

/** missingParams returns the names of the required parameters that are still empty. */
export function missingParams(
  fields: readonly ParamField[],
  texts: Readonly<Record<string, string>>,
): string[] {
  return fields
    .filter((field) => field.isRequired && (texts[field.name] ?? field.initial) === "")
    .map((field) => field.name);
}
