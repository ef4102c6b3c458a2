/** The ways to ask: lines that are pasted, repeated, found. Pure. */

/** Lines of a pasted text, without bullets, numbers of a list and empty ones. */
export function linesOf(text: string): string[] {
  return text
    .split(/\r\n?|\n|\u2028|\u2029/)
    .map((line) => line.replace(/^\s*(?:[-*•–]|\d{1,4}[.)])\s+/, "").trim())
    .filter((line) => line !== "");
}

/** Two lines with one key are asked alike: case, spaces, and signs at the end do not count. */
export function lineKey(line: string): string {
  return line
    .normalize("NFC")
    .toLowerCase()
    .replace(/\s+/g, " ")
    .replace(/[\s.?!,;:…؟]+$/u, "")
    .trim();
}

/** Which lines repeat an earlier one or the title: index -> the earlier index, -1 for the title. */
export function duplicates(lines: readonly string[], title: string): Map<number, number> {
  const seen = new Map<string, number>();
  const out = new Map<number, number>();
  const titleKey = lineKey(title);
  if (titleKey !== "") seen.set(titleKey, -1);
  lines.forEach((line, i) => {
    const key = lineKey(line);
    if (key === "") return;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, i);
    else out.set(i, first);
  });
  return out;
}

/** Which rows to draw: those in view and some around, of rows that begin at `offsets` (one more entry: the end). */
export function inView(offsets: readonly number[], top: number, height: number, around: number): { from: number; to: number } {
  const rows = offsets.length - 1;
  return { from: Math.max(0, rowAt(offsets, top - around)), to: Math.min(rows, rowAt(offsets, top + height + around) + 1) };
}

/** The row that `y` falls into. */
function rowAt(offsets: readonly number[], y: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}
