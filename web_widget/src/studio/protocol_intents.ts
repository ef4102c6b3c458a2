/** Intents and entities as the studio's server gives them (docs/studio.md). */
import type { Conflict } from "./protocol";

export type Does =
  | { kind: "say"; texts: Record<string, string> }
  | { kind: "article"; article_id: string }
  | { kind: "person"; reason: string }
  | { kind: "order_status" }
  | { kind: "nothing" };

export interface IntentRow {
  name: string;
  description: string;
  /** It comes with the bot: what it does is in the program. */
  shipped: boolean;
  /** All of them, and those that the site has added. */
  examples: number;
  added: number;
  does: Does | null;
  warnings: string[];
  version: number;
  updated_at: string | null;
  updated_by: string;
}

export interface Intent {
  name: string;
  description: string;
  shipped: boolean;
  shipped_examples: string[];
  /** In Rasa's notation, see marks.ts. */
  examples: string[];
  does: Does | null;
  version: number;
  updated_at: string | null;
  updated_by: string;
}

export type EntityKind = "words" | "code" | "number" | "amount" | "email" | "date" | "phone";

export interface Entity {
  name: string;
  description: string;
  kind: EntityKind;
  words: { value: string; synonyms: string[] }[];
  prefix: string;
  least: number;
  most: number;
  version: number;
  updated_at: string;
  updated_by: string;
}

export interface IntentWarning {
  code: string;
  message: string;
  field: "description" | "examples" | "does";
  index: number | null;
  severity: "warning" | "note";
  other: { intent: string; text: string; score: number } | { article_id: string; title: string; text: string; score: number } | null;
}

/** `data` of the error `edit_conflict` about an intent. */
export interface IntentConflict {
  by: string;
  at: string;
  version: number;
  conflicts: Conflict[];
  theirs: { description: string; does: Does | null; examples: string[] };
}
