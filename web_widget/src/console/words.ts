/** The console's words for what the wire names by code. */
import type { ConversationState, Evidence, HandoffReason, InboxItem, WireError } from "../shared/protocol";

export const REASON_SHORT: Record<HandoffReason, string> = {
  asked: "Asked",
  low_confidence: "Low confidence",
  repeated_failure: "Repeated failure",
  frustration: "Frustration",
  bot_error: "Bot outage",
  policy: "Policy",
  reopened: "Reopened",
};

const REASON_LONG: Record<HandoffReason, string> = {
  asked: "The customer asked for a person.",
  low_confidence: "The assistant was not sure enough of any answer.",
  repeated_failure: "The assistant failed more than once in this conversation.",
  frustration: "The customer’s words show growing frustration.",
  bot_error: "The assistant was down or did not answer in time.",
  policy: "A rule of this site hands such requests to a person.",
  reopened: "The customer wrote again soon after the conversation was closed.",
};

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function why(reason: HandoffReason): string {
  return REASON_LONG[reason];
}

export function confidenceWords(evidence: Evidence): string | null {
  const { confidence, threshold, answerable } = evidence;
  if (confidence == null || threshold == null) return null;
  const verdict = confidence < threshold ? "below" : "above";
  const any = answerable == null ? "" : ` That any article answers it was ${percent(answerable)} likely.`;
  return `The best article was ${percent(confidence)} likely to be right, ${verdict} the ${percent(threshold)} an answer needs.${any}`;
}

export function frustrationWords(evidence: Evidence): string | null {
  const { frustration, frustration_threshold: threshold } = evidence;
  if (frustration == null || threshold == null) return null;
  const verdict = frustration >= threshold ? "at or over" : "under";
  return `Frustration was at ${percent(frustration)}, ${verdict} the ${percent(threshold)} that calls a person.`;
}

/** `repeats_question` -> `repeats question`. */
export function codeWords(code: string): string {
  return code.replace(/[_.-]+/g, " ");
}

export const STATE_WORDS: Record<ConversationState, string> = {
  bot: "With the assistant",
  waiting: "Waiting",
  agent: "With an agent",
  closed: "Closed",
};

export function customerName(item: Pick<InboxItem, "conversation_id" | "customer">): string {
  const name = item.customer?.name?.trim();
  if (name) return name;
  return item.customer?.email ?? `Visitor ${item.conversation_id.slice(-4)}`;
}

/** Milliseconds as an agent reads them at a glance: `45 s`, `7 min`, `2 h 05`. */
export function waitShort(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} min`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}`;
}

/** The outcomes offered when a conversation is given back or closed; the wire carries the code. */
export const OUTCOMES = [
  { code: "resolved", label: "Resolved" },
  { code: "unresolved", label: "Not resolved" },
  { code: "no_reply", label: "Customer went silent" },
  { code: "other", label: "Something else" },
] as const;

/** What a refusal means to an agent; the server's message where nothing better is known. */
export function refusal(error: WireError): string {
  const holder = error.data?.holder;
  const name =
    typeof holder === "object" && holder !== null && "name" in holder && typeof holder.name === "string"
      ? holder.name
      : typeof holder === "string"
        ? holder
        : "a colleague";
  switch (error.code) {
    case "already_claimed":
      return `${name.charAt(0).toUpperCase()}${name.slice(1)} already has this chat.`;
    case "not_holder":
      return "You do not hold this chat any more.";
    case "new_messages":
      return "The customer has just written again. Read it, then close once more.";
    case "wrong_state":
      return "The conversation has moved on; this is not possible any more.";
    default:
      return error.message;
  }
}
