import { expect, test } from "vitest";
import {
  type BackfillForm,
  createInput,
  emptyForm,
  formProblem,
  madeName,
  planInput,
  scheduleChoices,
  serverProblems,
} from "./backfillForm";
import { paramFields } from "./paramForm";

const filled: BackfillForm = { ...emptyForm([]), fromDate: "2026-03-01", toDate: "2026-03-31" };

test("entries of a schedule with one name are one choice", () => {
  const entry = { text: "0 2 * * *", nextFireAt: null };
  const schedules = [
    { ...entry, name: null, timezone: "Europe/Berlin" },
    { ...entry, name: "hourly", timezone: "UTC" },
    { ...entry, name: null, timezone: "Europe/Berlin" },
  ];
  const choices = scheduleChoices(schedules);
  expect(choices).toEqual([
    { name: "", timezone: "Europe/Berlin" },
    { name: "hourly", timezone: "UTC" },
  ]);
  expect(emptyForm(choices).schedule).toBe("");
  expect(emptyForm(choices.slice(1)).schedule).toBe("hourly");
});

test("nothing is asked before both ends are there", () => {
  expect(planInput("etl", { ...filled, toDate: "" }, [], {})).toBeNull();
  expect(planInput("etl", { ...filled, fromDate: "" }, [], {})).toBeNull();
});

test("days are sent as days, times of day with them, and only what was chosen", () => {
  expect(planInput("etl", filled, [], {})).toEqual({
    workflow: "etl",
    from: "2026-03-01",
    to: "2026-03-31",
    mode: "MISSING",
    order: "OLDEST",
    concurrency: 1,
    params: {},
  });
  const fields = paramFields([
    {
      name: "region",
      type: "STRING",
      description: "",
      enum: null,
      default: "eu",
      isRequired: false,
      pattern: "",
      minimum: null,
      maximum: null,
    },
  ]);
  const form: BackfillForm = {
    ...filled,
    toTime: "18:00",
    schedule: "hourly",
    concurrency: " 8 ",
    name: "march",
    reason: "why",
  };
  const input = planInput("etl", form, fields, { region: "us" });
  expect(input).toMatchObject({
    to: "2026-03-31T18:00",
    schedule: "hourly",
    concurrency: 8,
    params: { region: "us" },
  });
  expect(input).not.toHaveProperty("name");
  expect(input).not.toHaveProperty("reason");
});

test("a backfill is made under its name, or under one that is the same each time", () => {
  const plan = planInput("etl", filled, [], {});
  if (plan === null) throw new Error("there is no plan");
  const name = madeName(filled, "0123456789abcdef");
  expect(name).toBe("2026-03-01_2026-03-31_01234567");
  expect(createInput(plan, filled, name)).toEqual({ ...plan, name });
  expect(createInput(plan, { ...filled, name: " march ", reason: "late data" }, name)).toEqual({
    ...plan,
    name: "march",
    reason: "late data",
  });
});

test("what is wrong is told at its field", () => {
  expect(formProblem(filled)).toBeNull();
  expect(formProblem({ ...filled, fromDate: "" })?.field).toBe("from");
  expect(formProblem({ ...filled, toDate: "" })?.field).toBe("to");
  for (const concurrency of ["", "four", "1.5", "-1"]) {
    expect(formProblem({ ...filled, concurrency })?.field, concurrency).toBe("concurrency");
  }
  expect(
    serverProblems([
      { field: ["params", "region"], message: "unknown" },
      { field: null, message: "the workflow is retired" },
    ]),
  ).toEqual([
    { field: "params.region", message: "unknown" },
    { field: "", message: "the workflow is retired" },
  ]);
});
