/** What a version was checked out from, in one line. Who made changes that are in no commit is not known. */
export function commitText(commit: { hash: string; author: string; isDirty: boolean }): string {
  const hash = commit.hash.slice(0, 12);
  return commit.isDirty ? `not committed, on top of ${hash}` : `${hash} by ${commit.author}`;
}
