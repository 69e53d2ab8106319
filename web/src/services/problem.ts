import { CombinedError } from "@urql/core";

/** ProblemKind says who can do something about a failed request: the reader sign in, time heal the rest. */
export type ProblemKind = "signed-out" | "away" | "refused";

/** problemKind returns what kept an answer from coming. */
export function problemKind(error: CombinedError): ProblemKind {
  const response: unknown = error.response;
  const status = response instanceof Response ? response.status : 0;
  if (status === 401 || status === 403) return "signed-out";
  return error.networkError ? "away" : "refused";
}

/** problemText says in one sentence why something that was asked for did not happen. */
export function problemText(error: unknown): string {
  if (!(error instanceof CombinedError)) return error instanceof Error ? error.message : String(error);
  switch (problemKind(error)) {
    case "signed-out":
      return "This browser is not signed in: open the address that miniairflow serve printed.";
    case "away":
      return "The server does not answer.";
    case "refused":
      return error.graphQLErrors.map((e) => e.message).join("; ");
  }
}

/** refusalText says why a change did not happen: the first error of its answer, or null if it did. */
export function refusalText(
  error: CombinedError | undefined,
  userErrors: readonly { message: string }[] | undefined,
): string | null {
  return error ? problemText(error) : (userErrors?.[0]?.message ?? null);
}
