import { expect, test } from "vitest";
import {
  canChange,
  emptyPool,
  fieldProblem,
  formOf,
  isProblem,
  type Pool,
  placeOf,
  poolInput,
} from "./pools";

const pool: Pool = {
  name: "warehouse",
  slots: 4,
  used: 1,
  waiting: 2,
  description: "connections",
  origin: "API",
  holders: [],
};

test("a form becomes what is sent, and that of a pool is the pool", () => {
  expect(poolInput({ name: " gpu ", slots: " 2 ", description: " cards " }, ["warehouse"])).toEqual({
    name: "gpu",
    slots: 2,
    description: "cards",
  });
  expect(poolInput(formOf(pool), [])).toEqual({ name: "warehouse", slots: 4, description: "connections" });
  expect(poolInput({ ...formOf(pool), slots: "0" }, [])).toMatchObject({ slots: 0 });
});

test("slots that are no whole number never reach the server", () => {
  for (const slots of ["", "-1", "1.5", "1e3", "many", "99999999999"]) {
    expect(poolInput({ name: "gpu", slots, description: "" }, []), slots).toMatchObject({ field: "slots" });
  }
});

test("a new pool needs a name that no other has, or it would change that one", () => {
  expect(poolInput(emptyPool, [])).toMatchObject({ field: "name" });
  const taken = poolInput({ ...emptyPool, name: "warehouse" }, ["warehouse"]);
  expect(isProblem(taken) && taken.field).toBe("name");
  expect(isProblem(poolInput(formOf(pool), []))).toBe(false);
});

test("what the server refuses stands at its field, and else below the form", () => {
  expect(fieldProblem({ field: ["slots"], message: "too many" }).field).toBe("slots");
  expect(fieldProblem({ field: ["other"], message: "no" })).toEqual({ field: null, message: "no" });
  expect(fieldProblem({ field: null, message: "no" }).field).toBeNull();
});

test("only pools that no file declares can be changed", () => {
  expect(canChange(pool)).toBe(true);
  expect(canChange({ origin: "FILE" })).toBe(false);
});

test("the label of a run says where its page is", () => {
  expect(placeOf("daily-etl#142")).toEqual({ name: "daily-etl", number: "142" });
  expect(placeOf("daily-etl")).toBeNull();
  expect(placeOf("#1")).toBeNull();
});
