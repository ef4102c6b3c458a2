/** What the review inbox says, and what it does next. Pure. */
import { share } from "./figures";
import { verdictWords } from "./judge";
import type { Group, ReviewReason } from "./protocol";
import type { ArticleDraft, ReviewQuestion, Settle } from "./protocol_teach";
import { count } from "./words";

export const REASONS: readonly { name: ReviewReason; label: string; means: string }[] = [
  { name: "unanswered", label: "not answered", means: "The bot gave no answer." },
  { name: "low_confidence", label: "unsure", means: "The bot asked back or said it is not sure." },
  { name: "thumbs_down", label: "thumbs down", means: "The customer said that the answer did not help." },
  { name: "repeated", label: "asked again", means: "The customer asked the same once more." },
  { name: "answered_by_person", label: "answered by a person", means: "An agent answered it." },
];

export function reasonsOf(group: Group): { name: ReviewReason; label: string; n: number }[] {
  return REASONS.flatMap(({ name, label }) => {
    const n = group.reasons[name] ?? 0;
    return n > 0 ? [{ name, label, n }] : [];
  });
}

/** What the bot did with one question, with how sure it was. */
export function didWords(question: ReviewQuestion): string {
  const did = verdictWords({
    kind: question.kind,
    reason: question.reason,
    article_id: question.best?.article_id ?? null,
    title: question.best?.title ?? null,
    confidence: question.confidence ?? 0,
  });
  const { confidence, threshold } = question;
  if (confidence === null) return did;
  const best = question.best === null || question.kind === "answer" || question.kind === "clarify" ? "" : `, closest: ${question.best.title ?? question.best.article_id}`;
  return `${did}${best} (${share(confidence, 0)} sure${threshold === null ? "" : `, needs ${share(threshold, 0)}`})`;
}

/** Texts that differ only in case and spaces are one; the first stays. */
export function distinct(texts: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const text of texts) {
    const key = text.trim().replace(/\s+/g, " ").toLocaleLowerCase();
    if (key !== "" && !seen.has(key)) seen.set(key, text.trim());
  }
  return [...seen.values()];
}

/** Agents' answers among the questions, the fullest first. */
export function agentAnswers(questions: readonly ReviewQuestion[]): string[] {
  return distinct(questions.flatMap((q) => (q.agent_answer === null ? [] : [q.agent_answer]))).sort((a, b) => b.length - a.length);
}

export function draftFrom(group: Group, questions: readonly ReviewQuestion[]): ArticleDraft {
  const name = group.name.trim();
  return {
    title: name.charAt(0).toLocaleUpperCase() + name.slice(1),
    answer: agentAnswers(questions)[0] ?? "",
    questions: distinct(questions.map((q) => q.text)),
    tags: [],
  };
}

/** The group to go to once `id` is dealt with: the one that stood after it, else the first; null: none is left. */
export function nextGroup(before: readonly string[], after: readonly string[], id: string): string | null {
  const left = after.filter((other) => other !== id);
  const follows = before.slice(before.indexOf(id) + 1).find((other) => left.includes(other));
  return follows ?? left[0] ?? null;
}

/** What was done with a group, told when it is done. `settled` questions left the inbox by it. */
export function settledWords(settle: Settle, settled: number, title: string | null): string {
  const dealt = settled === 0 ? "" : ` ${count(settled, "question")} dealt with.`;
  switch (settle.how) {
    case "variants":
      return `Added to “${title ?? settle.article_id}”.${dealt} Customers find it by them once it is published.`;
    case "article":
      return `“${title ?? settle.article.title}” is saved as a draft.${dealt} Customers see nothing of it until it is read and published.`;
    case "out_of_scope":
      return `Marked as out of scope.${dealt} Questions like these will leave the inbox by themselves.`;
    case "intent":
      return `Given to the intent “${settle.intent}”.${dealt} The next training learns them.`;
    case "dismiss":
      return `Dismissed.${dealt}`;
  }
}

/** What was taught though the exam asks it; null: nothing. */
export function examWords(texts: readonly string[]): string | null {
  const [first] = texts;
  if (first === undefined) return null;
  const which = texts.length === 1 ? `“${first}” stands` : `“${first}” and ${count(texts.length - 1, "more text")} stand`;
  return `${which} in the exam in the same words. Taught, it no longer shows how the bot does with what it has not seen: take it out of the exam, or out of what is taught.`;
}

/** The intents that come with Baton, in an editor's words. */
export const INTENTS: readonly { name: string; label: string }[] = [
  { name: "greet", label: "Greeting" },
  { name: "thanks", label: "Thanks" },
  { name: "goodbye", label: "Goodbye" },
  { name: "affirm", label: "Yes" },
  { name: "deny", label: "No" },
  { name: "ask_human", label: "Wants a person" },
  { name: "complain", label: "Complaint" },
  { name: "reject_answer", label: "The answer did not help" },
  { name: "bot_challenge", label: "Asks whether it is a bot" },
  { name: "order_status", label: "Asks for an order" },
  { name: "cancel_form", label: "Wants to stop a task" },
];

/** As Rasa names intents: what else a name may hold breaks its files. */
export function intentProblem(name: string): string | null {
  if (name === "") return "Choose an intent or write the name of one.";
  return /^[a-z][a-z0-9_]{0,63}$/.test(name) ? null : "A name is small letters, digits and underscores, such as order_status.";
}
