/** SlotRange are slots of one schedule, one after the other, as the API tells of them. */
export interface SlotRange {
  count: number;
  countIsExact: boolean;
  status?: string | null;
  text?: string | null;
}

/** countText says how many slots a range has: counting stops somewhere. */
export function countText(range: SlotRange): string {
  const count = range.count.toLocaleString("en");
  return range.countIsExact ? count : `${count} or more`;
}

/** fateText says what would become of slots that are due, if a scheduler looked now. */
export function fateText(range: SlotRange): string {
  if (!range.status) return `no run: ${range.text ?? "the reason is not known"}`;
  const runs = range.count === 1 ? "a run now" : "runs now";
  return range.text ? `${runs}, ${range.status.toLowerCase()}: ${range.text}` : runs;
}
