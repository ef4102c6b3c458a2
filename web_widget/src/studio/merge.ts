/** What is saved after two people changed one article: each field's choice, and what nobody disputes. Pure. */
import { changedFields, FIELDS, sameValue, type Field, type Written } from "./fields";

export type Choice = "mine" | "theirs";

/** Both sides' additions, without what either side took away. */
export function mergeLists(base: readonly string[], mine: readonly string[], theirs: readonly string[]): string[] {
  const old = new Set(base);
  const kept = new Set(mine);
  const out = theirs.filter((text) => kept.has(text) || !old.has(text));
  const there = new Set(out);
  const taken = new Set(theirs);
  return [...out, ...mine.filter((text) => !there.has(text) && (!old.has(text) || taken.has(text)))];
}

function chosen(field: Field, base: Written, mine: Written, theirs: Written, choice: Choice | undefined): Written[Field] {
  if (choice === "theirs") return theirs[field];
  if (choice === "mine") return mine[field];
  if (sameValue(mine[field], base[field])) return theirs[field];
  if (sameValue(theirs[field], base[field])) return mine[field];
  const [b, m, t] = [base[field], mine[field], theirs[field]];
  return Array.isArray(b) && Array.isArray(m) && Array.isArray(t) ? mergeLists(b, m, t) : m;
}

/**
 * The article to save. A field with a choice gets that side's; else a field that one side alone changed gets that
 * side's, and of lists that both changed every addition and removal counts.
 */
export function resolve(base: Written, mine: Written, theirs: Written, choices: Partial<Record<Field, Choice>>): Written {
  const entries = FIELDS.map((field) => [field, chosen(field, base, mine, theirs, choices[field])]);
  return Object.fromEntries(entries) as Written;
}

/** Fields that both sides changed, and differently. */
export function disputed(base: Written, mine: Written, theirs: Written): Field[] {
  const yours = new Set(changedFields(base, mine));
  return changedFields(base, theirs).filter((field) => yours.has(field) && !sameValue(mine[field], theirs[field]));
}
