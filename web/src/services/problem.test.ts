import { CombinedError } from "@urql/core";
import { expect, test } from "vitest";
import { problemText, refusalText } from "./problem";

test("a failed request says what to do, without the words of libraries", () => {
  const refused = new CombinedError({ graphQLErrors: ["it is over"], response: new Response() });
  expect(problemText(refused)).toBe("it is over");
  const away = new CombinedError({ networkError: new TypeError("Failed to fetch") });
  expect(problemText(away)).toBe("The server does not answer.");
  for (const cause of [{ graphQLErrors: ["no token"] }, { networkError: new Error("Unauthorized") }]) {
    const signedOut = new CombinedError({ ...cause, response: new Response(null, { status: 401 }) });
    expect(problemText(signedOut)).toContain("not signed in");
  }
  expect(problemText(new Error("disk full"))).toBe("disk full");
});

test("a change that did not happen says why, and one that did says nothing", () => {
  const error = new CombinedError({ graphQLErrors: ["internal error"], response: new Response() });
  expect(refusalText(error, [{ message: "never shown" }])).toBe("internal error");
  expect(refusalText(undefined, [{ message: "the run is over" }, { message: "and more" }])).toBe(
    "the run is over",
  );
  expect(refusalText(undefined, [])).toBeNull();
  expect(refusalText(undefined, undefined)).toBeNull();
});
