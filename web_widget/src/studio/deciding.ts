/** One decision of the bot in an editor's words. Pure. */
import type { Tone } from "./charts/meter";
import { share } from "./figures";
import type { Explanation, TurnDecision } from "./protocol_teach";

export interface Told {
  tone: Tone;
  title: string;
}

export function decisionWords(decision: TurnDecision): Told {
  const best = decision.passages[0]?.title ?? null;
  switch (decision.kind) {
    case "answer":
      return { tone: "good", title: best === null ? "It answered" : `It answered with “${best}”` };
    case "clarify":
      return { tone: "warn", title: "It asked back which article is meant" };
    case "unsure":
      return { tone: "warn", title: "It said that it is not sure" };
    case "escalate":
      return { tone: "bad", title: `It would call a person${ESCALATED[decision.reason] === undefined ? "" : `: ${ESCALATED[decision.reason]}`}` };
    case "chat":
      return { tone: "plain", title: "It took it as small talk" };
    case "task":
      return { tone: "good", title: "It went on with a task" };
    default:
      return { tone: "plain", title: decision.kind };
  }
}

const ESCALATED: Record<string, string | undefined> = {
  asked: "the customer asks for one",
  low_confidence: "it has no answer",
  repeated_failure: "it has failed twice",
  frustration: "the customer is frustrated",
  policy: "a rule says so",
  bot_error: "the bot failed",
};

export function confidenceSays(decision: TurnDecision): string {
  const { confidence, threshold, answerable } = decision;
  const sure = `It is ${share(confidence, 0)} sure of the first article`;
  const needs = `the ${share(threshold, 0)} that an answer needs`;
  const any = answerable === null ? "" : ` That any article answers it is ${share(answerable, 0)} likely.`;
  return `${confidence >= threshold ? `${sure}, enough for ${needs}` : `${sure}, less than ${needs}`}.${any}`;
}

export function frustrationSays(decision: TurnDecision): string {
  const { frustration, frustration_threshold: threshold } = decision;
  return frustration >= threshold
    ? `At ${share(frustration, 0)}, over the ${share(threshold, 0)} from which a person is called.`
    : `At ${share(frustration, 0)}, under the ${share(threshold, 0)} from which a person is called.`;
}

/** The signals that count most, whichever way, without what is as good as nothing. */
export function topSignals(decision: TurnDecision, most = 3): { name: string; weight: number }[] {
  return decision.signals
    .filter((signal) => Math.abs(signal.weight) >= 0.005)
    .toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .slice(0, most);
}

/** `repeats_question` -> `Repeats question`. */
export function codeWords(code: string): string {
  const words = code.replace(/[_.-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const NAMES: Record<string, string | undefined> = { en: "English", de: "German", fr: "French", es: "Spanish", pt: "Portuguese", it: "Italian", nl: "Dutch", ar: "Arabic" };

export function languageName(code: string): string {
  return NAMES[code.split("-")[0] ?? code] ?? code;
}

export function languageSays(language: Explanation["language"]): string | null {
  if (language == null) return null;
  const found = language.found === null ? "No certain language" : languageName(language.found);
  return language.covered ? `${found}, looked up in the ${languageName(language.locale)} articles.` : `${found}: no article covers it.`;
}
