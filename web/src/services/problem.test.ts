import { CombinedError } from "@urql/core";
import { expect, test } from "vitest";
import { problemText } from "./problem";

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
