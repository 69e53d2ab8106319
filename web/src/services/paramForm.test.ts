import { expect, test } from "vitest";
import { missingParams, type Param, paramFields, paramValues } from "./paramForm";

function param(overrides: Partial<Param>): Param {
  return {
    name: "p",
    type: "STRING",
    description: "",
    enum: null,
    default: null,
    isRequired: false,
    ...overrides,
  };
}

test("each type gets the input that fits it", () => {
  const fields = paramFields([
    param({ type: "STRING" }),
    param({ type: "INTEGER" }),
    param({ type: "NUMBER" }),
    param({ type: "BOOLEAN" }),
    param({ type: "DATE" }),
    param({ type: "DATETIME" }),
    param({ type: "INTEGER", enum: [1, 2] }),
  ]);
  expect(fields.map((f) => f.control)).toEqual([
    "text",
    "number",
    "number",
    "select",
    "date",
    "text",
    "select",
  ]);
  expect(fields[1]?.step).toBe("1");
  expect(fields[2]?.step).toBe("any");
  expect(fields[3]?.options).toEqual(["true", "false"]);
  expect(fields[6]?.options).toEqual(["1", "2"]);
});

test("the form starts with the defaults, but for expressions, which the server evaluates", () => {
  const fields = paramFields([
    param({ default: "eu" }),
    param({ type: "BOOLEAN", default: false }),
    param({ type: "NUMBER", default: 1.5 }),
    param({ type: "DATE", default: "${{ formatDate(run.logical_date, '%Y-%m-%d') }}" }),
  ]);
  expect(fields.map((f) => f.initial)).toEqual(["eu", "false", "1.5", ""]);
  expect(fields[3]?.hint).toBe("Empty: ${{ formatDate(run.logical_date, '%Y-%m-%d') }}");
});

test("only what was changed is sent, as text", () => {
  const fields = paramFields([
    param({ name: "region", default: "eu" }),
    param({ name: "rows", type: "INTEGER", default: 5 }),
  ]);
  expect(paramValues(fields, {})).toEqual({});
  expect(paramValues(fields, { region: "eu", rows: "9007199254740993" })).toEqual({
    rows: "9007199254740993",
  });
  expect(paramValues(fields, { region: "" })).toEqual({ region: "" });
});

test("a required parameter must not stay empty", () => {
  const fields = paramFields([
    param({ name: "day", isRequired: true }),
    param({ name: "region", default: "eu" }),
  ]);
  expect(missingParams(fields, {})).toEqual(["day"]);
  expect(missingParams(fields, { day: "2026-01-31" })).toEqual([]);
});
