/** The words of the intents' pages for what the wire names by code. */
import type { Does, Entity, EntityKind, IntentRow } from "../protocol_intents";
import { parseLine } from "./marks";

export const DOES: readonly { value: Does["kind"]; label: string }[] = [
  { value: "say", label: "says a text" },
  { value: "article", label: "answers with an article" },
  { value: "person", label: "hands over to a person" },
  { value: "order_status", label: "looks up an order" },
  { value: "nothing", label: "does nothing yet" },
];

export const FIELDS: Readonly<Record<string, string>> = { description: "When a customer …", does: "What Baton does", examples: "Examples" };

/** What Baton does, with its text; empty where it is in the program. */
export function doesText(does: Does | null): string {
  if (does === null) return "";
  const label = DOES.find(({ value }) => value === does.kind)?.label ?? does.kind;
  if (does.kind === "say") return `${label}: ${Object.values(does.texts).join("\n")}`;
  if (does.kind === "article") return `${label}: ${does.article_id}`;
  if (does.kind === "person") return `${label}: ${does.reason}`;
  return label;
}

/** An example as it is read: `buy 40 tents (40: amount)`. */
export function lineWords(example: string): string {
  const { text, marks } = parseLine(example);
  if (marks.length === 0) return text;
  return `${text} (${marks.map(({ start, end, entity }) => `${text.slice(start, end)}: ${entityLabel(undefined, entity)}`).join(", ")})`;
}

/** What Baton does, behind "Baton". */
export function doesWords(row: Pick<IntentRow, "does" | "shipped">): string {
  if (row.does === null) return "does what comes with it";
  return DOES.find(({ value }) => value === row.does?.kind)?.label ?? row.does.kind;
}

export const WARNINGS: Readonly<Record<string, string>> = {
  too_few_examples: "Few examples",
  same_as_article: "Same as an article",
  same_example: "Same as another intent",
  in_exam: "Asked in the exam",
  article_missing: "Article is gone",
  article_draft: "Article is a draft",
};

/** What shipped intents mean: `When a customer …`. */
export const SHIPPED: Readonly<Record<string, string>> = {
  greet: "says hello",
  thanks: "says thank you",
  goodbye: "says goodbye",
  ask_human: "asks for a person",
  complain: "complains",
  bot_challenge: "asks whether this is a bot",
  affirm: "says yes",
  deny: "says no",
  reject_answer: "says that the answer did not help",
  order_status: "asks where an order is",
  cancel_form: "does not want to go on looking up an order",
  question: "asks something that articles may answer",
};

export function meaning({ name, description }: { name: string; description: string }): string {
  return description === "" ? (SHIPPED[name] ?? name) : description;
}

export const KINDS: readonly { value: EntityKind; label: string; hint: string }[] = [
  { value: "words", label: "Some words", hint: "One a line. Other words for the same behind “=”: tent = tents, shelter" },
  { value: "code", label: "A code", hint: "Letters, then digits, such as RMA-12345." },
  { value: "number", label: "A number", hint: "Such as 3 or 2.5." },
  { value: "amount", label: "An amount of money", hint: "Such as €20 or 1,000 dollars." },
  { value: "email", label: "An e-mail address", hint: "Such as name@example.com." },
  { value: "date", label: "A date", hint: "Such as 2026-11-30 or 3/4/26." },
  { value: "phone", label: "A telephone number", hint: "Such as +49 30 1234567." },
];

export function entityLabel(entity: Pick<Entity, "name" | "description"> | undefined, name: string): string {
  if (name === "order_number") return "Order number";
  return entity === undefined || entity.description === "" ? name.replaceAll("_", " ") : entity.description;
}

export function entityKindWords(entity: Entity): string {
  if (entity.kind === "words") return entity.words.map(({ value }) => value).slice(0, 6).join(", ") + (entity.words.length > 6 ? ", …" : "");
  if (entity.kind === "code") return `${entity.prefix} and ${entity.least === entity.most ? entity.most : `${entity.least} to ${entity.most}`} digits`;
  return KINDS.find(({ value }) => value === entity.kind)?.label ?? entity.kind;
}
