/** The fields of an article that an editor writes, what they are called, and when two articles say the same. Pure. */
import type { Article, Content } from "./protocol";

export const FIELDS = ["title", "answer", "questions", "tags", "locale", "valid_from", "valid_until", "owner", "status"] as const;

export type Field = (typeof FIELDS)[number];

export type Written = Pick<Article, Field>;

const NAMES: Record<Field, string> = {
  title: "Title",
  answer: "Answer",
  questions: "Variants",
  tags: "Tags",
  locale: "Language",
  valid_from: "Valid from",
  valid_until: "Valid until",
  owner: "Owner",
  status: "Status",
};

export function isField(name: string): name is Field {
  return name in NAMES;
}

export function fieldName(field: string): string {
  return isField(field) ? NAMES[field] : field.replaceAll("_", " ");
}

/** `Title, answer and tags`. */
export function fieldNames(fields: readonly string[]): string {
  const names = fields.map((field, i) => (i === 0 ? fieldName(field) : fieldName(field).toLowerCase()));
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
}

export function written(article: Written): Written {
  const { title, answer, questions, tags, locale, valid_from, valid_until, owner, status } = article;
  return { title, answer, questions, tags, locale, valid_from, valid_until, owner, status };
}

export function sameValue(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => item === b[i]);
  return a === b;
}

export function changedFields(before: Written, after: Written): Field[] {
  return FIELDS.filter((field) => !sameValue(before[field], after[field]));
}

const SEEN = ["title", "answer", "questions", "tags", "locale", "valid_from", "valid_until"] as const;

/** A release's article: what it does not say is not set. */
export function asContent(raw: Partial<Content> & Pick<Content, "id" | "title" | "answer">): Content {
  return { questions: [], tags: [], locale: "en", valid_from: null, valid_until: null, ...raw };
}

/** Whether customers would get the same: owner and status are not theirs. */
export function sameContent(a: Content, b: Content): boolean {
  return SEEN.every((field) => sameValue(a[field], b[field]));
}

/** As the server keeps it: trimmed, without empty lines. */
export function cleaned(article: Written): Written {
  const owner = article.owner?.trim() ?? "";
  return {
    ...written(article),
    title: article.title.trim(),
    answer: article.answer.trim(),
    questions: article.questions.map((line) => line.trim()).filter((line) => line !== ""),
    owner: owner === "" ? null : owner,
  };
}

export const EMPTY: Written = {
  title: "",
  answer: "",
  questions: [],
  tags: [],
  locale: "en",
  valid_from: null,
  valid_until: null,
  owner: null,
  status: "ready",
};
