/** What a version was checked out from, in one line. */
export function commitText(commit: { hash: string; author: string; isDirty: boolean }): string {
  const changed = commit.isDirty ? ", changed since" : "";
  return `${commit.hash.slice(0, 12)} by ${commit.author}${changed}`;
}
