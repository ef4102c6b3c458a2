/** What "at most x % wrong answers" costs and brings. Pure. */
import { share } from "./figures";
import type { RiskPoint } from "./protocol_teach";

/** The risks that the slider offers, as shares. */
export const RISK = { least: 0.005, most: 0.1, step: 0.005 } as const;

/** The curve's point for a risk: the nearest one that promises no more; null below the first. */
export function pointAt(curve: readonly RiskPoint[], risk: number): RiskPoint | null {
  let found: RiskPoint | null = null;
  for (const point of curve) if (point.risk <= risk + 1e-9 && (found === null || point.risk > found.risk)) found = point;
  return found;
}

/** `2 of 100`, `5 of 1,000`: a share as people. */
export function ofHundred(value: number): string {
  const hundred = Math.round(value * 1000) / 10;
  return Number.isInteger(hundred) ? `${hundred} of 100` : `${Math.round(value * 1000)} of 1,000`;
}

/** What the chosen risk means, and what changes against the saved one. */
export function promiseWords(curve: readonly RiskPoint[] | null, chosen: number, saved: number): string {
  const promise = `At most ${ofHundred(chosen)} answers may be wrong.`;
  const point = curve === null ? null : pointAt(curve, chosen);
  if (curve === null || curve.length === 0) return `${promise} What that does to the share of questions answered is known once a release is live.`;
  if (point === null) return `${promise} So strict a promise cannot be kept by answering anything: every question would go to a person.`;
  const answers = `Of the questions that have an article, a release trained so answers about ${share(point.coverage, 0)} alone; an answer needs a confidence of ${share(point.threshold, 0)}.`;
  const before = pointAt(curve, saved);
  if (before === null || Math.abs(chosen - saved) < 1e-9) return `${promise} ${answers}`;
  const change = Math.round((point.coverage - before.coverage) * 1000) / 10;
  const differs =
    change === 0
      ? "That is as many as with the saved setting."
      : `That is ${Math.abs(change)} in a hundred ${change > 0 ? "more" : "fewer"} than with the saved setting.`;
  return `${promise} ${answers} ${differs}`;
}

/** A number that a person wrote, with a comma or a point; null: it is none, or out of bounds. */
export function numberIn(text: string, least: number, most: number): number | null {
  const trimmed = text.trim().replace(",", ".");
  if (!/^\d+(\.\d+)?$/.test(trimmed)) return null;
  const value = Number(trimmed);
  return value >= least && value <= most ? value : null;
}
