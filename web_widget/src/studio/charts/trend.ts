/** What a row of daily counts says. Pure. */
import { number } from "../figures";
import { count } from "../words";

export type Trend = "rising" | "falling" | "steady" | "quiet";

/** The later half against the earlier one; a change counts from a quarter and at least 3 on. */
export function trendOf(counts: readonly number[]): Trend {
  const half = Math.floor(counts.length / 2);
  const before = sum(counts.slice(0, half));
  const after = sum(counts.slice(counts.length - half));
  if (sum(counts) === 0) return "quiet";
  const change = after - before;
  if (Math.abs(change) < Math.max(3, 0.25 * before)) return "steady";
  return change > 0 ? "rising" : "falling";
}

export function trendWords(counts: readonly number[], ends: string): string {
  const half = Math.floor(counts.length / 2);
  const before = sum(counts.slice(0, half));
  const after = sum(counts.slice(counts.length - half));
  const all = `${count(sum(counts), "question")} in the ${counts.length} days until ${ends}`;
  switch (trendOf(counts)) {
    case "quiet":
      return `None in the ${counts.length} days until ${ends}.`;
    case "steady":
      return `${all}, steady: ${number(before)}, then ${number(after)}.`;
    case "rising":
      return `${all}, rising: ${number(before)}, then ${number(after)}.`;
    case "falling":
      return `${all}, falling: ${number(before)}, then ${number(after)}.`;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
