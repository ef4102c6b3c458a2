/** What an article may hold at most, told before it is sent. The server's limits, `kb_index/article.py`. Pure. */
import type { Written } from "./fields";
import { count } from "./words";

const TITLE = 200;
const ANSWER = 20_000;
export const VARIANTS = 5000;
const VARIANT = 1000;

export interface TooMuch {
  field: "title" | "answer" | "questions";
  message: string;
}

/** Characters as the server counts them: an emoji is one. */
function lengthOf(text: string, longest: number): number {
  const trimmed = text.trim();
  return trimmed.length <= longest ? trimmed.length : Array.from(trimmed.normalize("NFC")).length;
}

function tooLong(text: string, longest: number, what: string): string | null {
  const n = lengthOf(text, longest);
  return n <= longest ? null : `${what} has ${n.toLocaleString("en-GB")} characters; ${longest.toLocaleString("en-GB")} are allowed. Shorten it.`;
}

/** All that is too much of an article; nothing of it is cut off. */
export function tooMuch({ title, answer, questions }: Pick<Written, "title" | "answer" | "questions">): TooMuch[] {
  const out: TooMuch[] = [];
  const told = (field: TooMuch["field"], message: string | null): void => {
    if (message !== null) out.push({ field, message });
  };
  told("title", tooLong(title, TITLE, "The title"));
  told("answer", tooLong(answer, ANSWER, "The answer"));
  const filled = questions.reduce((n, line) => (line.trim() === "" ? n : n + 1), 0);
  if (filled > VARIANTS)
    told("questions", `There are ${count(filled, "variant")}, and an article may have ${VARIANTS.toLocaleString("en-GB")}. Remove ${count(filled - VARIANTS, "line")}, or move them to another article. They stay here until you do.`);
  const long = questions.findIndex((line) => lengthOf(line, VARIANT) > VARIANT);
  if (long >= 0) told("questions", tooLong(questions[long] ?? "", VARIANT, `Variant ${(long + 1).toLocaleString("en-GB")}`));
  return out;
}
