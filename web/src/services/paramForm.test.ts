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
    pattern: "",
    minimum: null,
    maximum: null,
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
    param({ type: "DURATION" }),
    param({ type: "ENUM", enum: ["a", "b"] }),
    param({ type: "LIST" }),
    param({ type: "OBJECT" }),
  ]);
  expect(fields.map((f) => f.control)).toEqual([
    "text",
    "number",
    "number",
    "select",
    "date",
    "text",
    "select",
    "text",
    "select",
    "json",
    "json",
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

test("an input says what it takes", () => {
  const fields = paramFields([
    param({ type: "INTEGER", minimum: 1, maximum: 10, isRequired: true }),
    param({ type: "DATE", minimum: "2026-01-01", isRequired: true }),
    param({ type: "DURATION", maximum: "2h", default: "1h" }),
    param({ pattern: "[a-z]+", default: "a" }),
    param({ type: "LIST", default: ["a", 1] }),
    param({ type: "INTEGER", default: null }),
    param({ default: "" }),
  ]);
  expect(fields.map((f) => f.hint)).toEqual([
    "From 1 to 10.",
    "At least 2026-01-01.",
    "Like 90s, 1h30m or 2d. At most 2h.",
    "Matches [a-z]+",
    'JSON like ["a", 1].',
    "Empty: none",
    "Empty: the default, an empty text",
  ]);
  expect(fields.map((f) => [f.min, f.max]).slice(0, 3)).toEqual([
    ["1", "10"],
    ["2026-01-01", ""],
    ["", "2h"],
  ]);
  expect(fields[4]?.initial).toBe('["a",1]');
});

test("a required parameter must not stay empty", () => {
  const fields = paramFields([
    param({ name: "day", isRequired: true }),
    param({ name: "region", default: "eu" }),
  ]);
  expect(missingParams(fields, {})).toEqual(["day"]);
  expect(missingParams(fields, { day: "2026-01-31" })).toEqual([]);
});
