/** reasonInput returns the part of an input that says why, or nothing if nobody said it. */
export function reasonInput(text: string): { reason?: string } {
  const reason = text.trim();
  return reason === "" ? {} : { reason };
}
