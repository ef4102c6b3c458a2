/** What agents' time costs, as the site's settings say it. */
import { money } from "./figures";
import type { StudioSettings } from "./protocol";

/** null: nothing is known, and nothing is said. */
export function costWords(cost: number, settings: StudioSettings | null | undefined): string | null {
  if (!(cost > 0)) return null;
  const currency = settings?.currency;
  return money(cost, typeof currency === "string" ? currency : null);
}
