import type { LoadQuery, SetPoolInput } from "../gql/graphql";

/** Pool is a number of slots that tasks share, as it stands. */
export type Pool = LoadQuery["pools"][number];

/** PoolForm is what a person has written into the form of a pool. */
export interface PoolForm {
  name: string;
  slots: string;
  description: string;
}

/** PoolField is a field of the form. */
export type PoolField = keyof PoolForm;

/** PoolProblem is what is wrong with a form; field is null if it is none in particular. */
export interface PoolProblem {
  field: PoolField | null;
  message: string;
}

/** emptyPool is the form of a pool that is not there yet. */
export const emptyPool: PoolForm = { name: "", slots: "1", description: "" };

/** formOf returns the form of a pool that is there. */
export function formOf(pool: Pool): PoolForm {
  return { name: pool.name, slots: String(pool.slots), description: pool.description };
}

/** canChange reports whether a pool can be changed here: those of the pools file are that file's. */
export function canChange(pool: Pick<Pool, "origin">): boolean {
  return pool.origin === "API";
}

/**
 * poolInput returns what to send for a form, or what is wrong with it. The server
 * would change a pool of the same name: taken holds the names that a new one must not have.
 */
export function poolInput(form: PoolForm, taken: readonly string[]): SetPoolInput | PoolProblem {
  const name = form.name.trim();
  if (name === "") return { field: "name", message: "A name is needed." };
  if (taken.includes(name))
    return { field: "name", message: `There is a pool ${name} already: change that one.` };
  const text = form.slots.trim();
  if (!/^\d{1,9}$/.test(text)) return { field: "slots", message: "A whole number is needed, 0 or more." };
  return { name, slots: Number(text), description: form.description.trim() };
}

/** isProblem tells a problem from an input. */
export function isProblem(value: SetPoolInput | PoolProblem): value is PoolProblem {
  return "message" in value;
}

/** fieldProblem returns the server's first error as a problem of the form. */
export function fieldProblem(error: { field: readonly string[] | null; message: string }): PoolProblem {
  const name = error.field?.[0];
  const field = name === "name" || name === "slots" || name === "description" ? name : null;
  return { field, message: error.message };
}

/** RunPlace is where the page of a run is. */
export interface RunPlace {
  name: string;
  number: string;
}

/** placeOf returns the place of the run that people call daily-etl#142; null if it is no such label. */
export function placeOf(label: string): RunPlace | null {
  const found = /^(.+)#(\d+)$/.exec(label);
  return found?.[1] && found[2] ? { name: found[1], number: found[2] } : null;
}
