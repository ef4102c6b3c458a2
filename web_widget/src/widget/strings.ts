/** Every word of the widget, in one place. */
import { type HandoffReason, lengthWords, type Wait } from "../shared/protocol";
import type { View } from "../shared/view";

export const words = {
  assistant: "Assistant",
  support: "Support",
  greeting: "Hi! Ask me anything. If I don’t know the answer, a person will help.",
  placeholder: "Write your question…",
  placeholderAgent: "Write a message…",
  send: "Send",
  close: "Close the chat",
  human: "Talk to a person",
  humanWords: "I would like to talk to a person.",
  end: "End conversation",
  endSure: "End this conversation?",
  endYes: "End it",
  endNo: "Keep it open",
  cancelWait: "Stop waiting",
  contact: "Leave your email instead",
  contactEmail: "Your email address",
  contactText: "What should we write about? (optional)",
  contactWrong: "Please write an address such as name@example.com.",
  contactSend: "Leave my address",
  contactNot: "Keep waiting",
  you: "You",
  sending: "Sending…",
  sent: "Sent",
  seen: "Seen",
  failed: "Not sent.",
  retry: "Try again",
  discard: "Remove",
  source: "From our help article",
  reconnecting: "Connection lost. Trying to reconnect…",
  offline: "You seem to be offline. Your messages are kept and sent later.",
  log: "Messages",
  newMessages: "New messages",
  loading: "Loading your conversation…",
  today: "Today",
  yesterday: "Yesterday",
  statusBot: "Answers right away",
  statusWaiting: "Getting a person for you",
  statusClosed: "Conversation ended",
  again: "Write again at any time to continue.",
  lost: "Your earlier conversation is no longer available here. Write to start a new one.",
  statusAgent: (name: string) => `You are talking to ${name}`,
  typing: (name: string) => `${name} is typing`,
  left: lengthWords,
};

export function queueWords(position: number): string {
  return position <= 1 ? "You are next in line" : `You are number ${position} in line`;
}

/** What a waiting customer is told beside the place: the wait where it is known, and never a guess. */
export function waitingWords(queue: { wait: Wait | null; online: number | null } | null): string {
  if (queue?.online === 0) return "Nobody is here right now. You keep your place and can keep writing.";
  const wait = waitWords(queue?.wait ?? null);
  return wait === "" ? "You can keep writing; it will all be read." : `Usually ${wait}. You can keep writing.`;
}

/** Whether this wait has outlasted the site's limit, and the customer was asked for an address. */
export function contactAsked(view: View): boolean {
  if (view.state !== "waiting") return false;
  const asked = view.entries.findLast((e) => e.type === "notice" && e.code === "system.leave_contact")?.seq ?? 0;
  const began = view.entries.findLast((e) => e.type === "handoff" || (e.type === "notice" && (e.code === "left" || e.code === "transferred")));
  return asked > (began?.seq ?? 0);
}

export function waitWords(wait: Wait | null): string {
  const low = wait?.low ?? null;
  const high = wait?.high ?? null;
  if (high === null) return "";
  if (high < 60) return "less than a minute";
  const from = Math.max(1, Math.round((low ?? high) / 60));
  const to = Math.max(1, Math.ceil(high / 60));
  return from < to ? `about ${from} to ${to} minutes` : `about ${to} ${to === 1 ? "minute" : "minutes"}`;
}

/** What a line of the log says to the customer; null: nothing to say. */
export function noticeWords(code: string, name: string | null, text: string | null): string | null {
  const who = name ?? words.support;
  switch (code) {
    case "joined":
      return `${who} joined the conversation`;
    case "left":
      return `${name ?? "Your agent"} had to leave. You are first in line for someone else.`;
    case "transferred":
      return "You are being passed on to a colleague";
    case "returned":
      return `${who} handed you back to the assistant`;
    case "cancelled":
      return "You are back with the assistant";
    case "closed":
      return text === "customer" ? "You ended the conversation" : "The conversation has ended";
    case "contact":
      return "We have your address and will write to you";
    default:
      return null;
  }
}

export function handoffWords(reason: HandoffReason): string {
  switch (reason) {
    case "asked":
      return "You asked for a person. We are getting one.";
    case "bot_error":
      return "The assistant has a problem. We are getting a person.";
    case "reopened":
      return "Welcome back. We are getting a person.";
    default:
      return "We are getting a person who can help.";
  }
}

/** `delivery-times.express` -> `Delivery times express`: where the server names no title. */
export function titleOf(article: { id: string; title: string | null }): string {
  if (article.title !== null) return article.title;
  const text = article.id.replace(/[._-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
