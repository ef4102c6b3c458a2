/** Words that were not saved yet, kept in this browser until they are. */
import { FIELDS, type Written } from "./fields";

export interface Draft {
  article: Written;
  /** Of which version they are a change; 0: of none. */
  version: number;
  /** RFC 3339. */
  at: string;
}

/** By person: at a shared computer nobody finds another's words. */
function key(agent: string, article: string): string {
  return `baton:studio:draft:${agent}:${article}`;
}

export function loadDraft(agent: string, article: string): Draft | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key(agent, article)) ?? "null");
    return isDraft(value) ? value : null;
  } catch {
    return null; // Forbidden or spoilt: there is none.
  }
}

export function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null || !("article" in value) || !("version" in value) || !("at" in value)) return false;
  const { article } = value;
  if (typeof value.version !== "number" || typeof value.at !== "string" || typeof article !== "object" || article === null) return false;
  const lists = ["questions", "tags"].every((name) => Array.isArray((article as Record<string, unknown>)[name]));
  return lists && FIELDS.every((field) => field in article) && typeof (article as Written).title === "string" && typeof (article as Written).answer === "string";
}

/** False: the browser does not keep it (forbidden, or full). */
export function saveDraft(agent: string, article: string, draft: Draft): boolean {
  try {
    localStorage.setItem(key(agent, article), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function dropDraft(agent: string, article: string): void {
  try {
    localStorage.removeItem(key(agent, article));
  } catch {
    // Forbidden: nothing was kept either.
  }
}
