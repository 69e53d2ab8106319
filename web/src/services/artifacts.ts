const step = 1024;
const units = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/** formatBytes writes a size as people read it: "0 B", "1023 B", "1.5 KiB", "12 MiB". */
export function formatBytes(bytes: number): string {
  if (bytes < step) return `${bytes} B`;
  let value = bytes / step;
  let unit = 0;
  // What would be written as 1024 is one of the next unit.
  while (value >= step - 0.5 && unit < units.length - 1) {
    value /= step;
    unit++;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** hiddenText says how many artifacts there are beyond those that are shown; empty: none. */
export function hiddenText(shown: number, total: number, isExact: boolean): string {
  const more = total - shown;
  if (more <= 0 && isExact) return "";
  return isExact ? `${more} more` : `More than ${more} more`;
}
