/** What agents' time costs, as the site's settings say it. */
import { money } from "./figures";
import type { StudioSettings } from "./protocol";

/** null: nothing is known, and nothing is said. */
export function costWords(cost: number, settings: StudioSettings | null | undefined): string | null {
  if (!(cost > 0)) return null;
  const currency = settings?.currency;
  // A bare number beside a duration would be a riddle.
  return typeof currency === "string" ? money(cost, currency) : `cost ${money(cost)}`;
}

const FIRST: readonly string[] = ["EUR", "GBP", "USD", "CHF"];

/** Currencies to choose from, with their names: frequent ones first, and the one that is set in any case. */
export function currencies(set: string): { code: string; name: string }[] {
  const names = new Intl.DisplayNames("en-GB", { type: "currency" });
  const codes = new Set([...FIRST, ...Intl.supportedValuesOf("currency"), set]);
  return [...codes].map((code) => ({ code, name: names.of(code) ?? code }));
}
