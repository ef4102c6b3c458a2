/** The wire as docs/protocol.md names it. Fields that a later server adds are ignored, unknown kinds are skipped. */

export type ConversationState = "bot" | "waiting" | "agent" | "closed";

export type HandoffReason =
  | "asked"
  | "low_confidence"
  | "repeated_failure"
  | "frustration"
  | "bot_error"
  | "policy"
  | "reopened";

/** How loudly a wait was called out. */
export type AlertLevel = "agents" | "supervisors";

export interface Actor {
  type: "customer" | "bot" | "agent" | "system";
  id?: string | null;
  name?: string | null;
}

export interface Choice {
  id: string;
  label: string;
}

export interface Passage {
  article_id: string;
  title: string;
  score: number;
}

export interface Evidence {
  trigger_seq?: number | null;
  confidence?: number | null;
  threshold?: number | null;
  answerable?: number | null;
  frustration?: number | null;
  frustration_threshold?: number | null;
  signals?: { name: string; weight: number }[];
  intent?: string | null;
  passages?: Passage[];
  slots?: Record<string, unknown>;
}

export interface SummarySentence {
  text: string;
  seqs: number[];
}

interface EventBase<K extends string, D> {
  seq: number;
  /** The event before this one that the reader was allowed to see; 0: none. */
  prev: number;
  id: string;
  /** RFC 3339, UTC. */
  at: string;
  kind: K;
  actor: Actor;
  data: D;
}

export interface HandoffData {
  handoff_id: string;
  episode?: number;
  reason: HandoffReason;
  /** Only agents are shown the evidence and the summary. */
  evidence?: Evidence | null;
  summary?: SummarySentence[] | null;
}

export type BatonEvent =
  | EventBase<"conversation.started", { locale?: string; page?: { url?: string; title?: string } | null }>
  | EventBase<"episode.started", { episode: number }>
  | EventBase<"customer.said", { text: string; choice?: string | null; client_id?: string | null }>
  | EventBase<
      "bot.replied",
      {
        turn: number;
        kind?: string;
        text: string;
        choices?: Choice[] | null;
        article_id?: string | null;
        article_title?: string | null;
      }
    >
  | EventBase<"bot.reply_discarded", { turn: number }>
  | EventBase<"handoff.requested", HandoffData>
  | EventBase<"handoff.cancelled", Record<string, never>>
  | EventBase<"handoff.expired", Record<string, never>>
  | EventBase<"handoff.alerted", { level: AlertLevel }>
  | EventBase<"agent.joined", { handoff_id?: string | null }>
  | EventBase<"agent.left", { reason?: string | null }>
  | EventBase<"agent.said", { text: string; client_id?: string | null }>
  | EventBase<"agent.noted", { text: string; client_id?: string | null }>
  | EventBase<"conversation.transferred", { to?: { agent?: string; team?: string } | null; note?: string | null }>
  | EventBase<"conversation.returned_to_bot", { outcome?: string | null; note?: string | null }>
  | EventBase<"customer.left_contact", { email: string; text?: string | null }>
  | EventBase<"contact.followed_up", { outcome?: string | null }>
  | EventBase<"conversation.closed", { by?: string | null; outcome?: string | null; episode?: number }>
  | EventBase<"customer.rated", { metric?: string; score?: number }>
  | EventBase<"customer.gave_feedback", { seq?: number; helpful?: boolean }>
  | EventBase<"message.redacted", { seq: number }>
  | EventBase<"system.notice", { code: string; text: string; choices?: Choice[] | null }>;

export interface WireError {
  code: string;
  message: string;
  data?: Record<string, unknown> | null;
}

/** Who holds or asks: an inbox line of the console. */
export interface InboxItem {
  conversation_id: string;
  state: ConversationState;
  position?: number | null;
  waiting_since?: string | null;
  reason?: HandoffReason | null;
  priority?: number | string | null;
  customer?: { id?: string | null; name?: string | null; email?: string | null; verified?: boolean } | null;
  preview?: string | null;
  holder?: { id: string; name: string } | null;
  group?: string | null;
  alert?: AlertLevel | null;
  /** The address that the customer left, until somebody has written to it. */
  follow_up?: { since: string; email: string; text?: string | null } | null;
}

export interface Agent {
  id: string;
  name: string;
  role: string;
}

/** Seconds; `high` may be missing where nothing is known yet. */
export interface Wait {
  low?: number | null;
  high?: number | null;
}

export type ServerFrame =
  | {
      type: "welcome";
      conversation_id?: string;
      state?: ConversationState;
      seq?: number;
      seen?: unknown;
      now?: string;
      reset?: boolean;
      agent?: Agent;
      inbox?: InboxItem[];
    }
  | { type: "event"; event: BatonEvent; conversation_id?: string }
  | { type: "ack"; client_id: string; seq: number; events?: number; conversation_id?: string }
  | { type: "nack"; client_id: string; error: WireError }
  | { type: "queue"; position: number; wait_s?: Wait | null; agents_online?: number | null }
  | { type: "typing"; actor: Actor; on: boolean; conversation_id?: string }
  | { type: "seen"; actor: Actor; seq: number; conversation_id?: string }
  | { type: "inbox"; item: InboxItem }
  | { type: "inbox_removed"; conversation_id: string }
  | { type: "alert"; conversation_id: string; level: AlertLevel; item: InboxItem }
  | { type: "subscribed"; conversation_id: string; state: ConversationState; seq: number; seen?: unknown; reset?: boolean }
  | { type: "presence"; agent: Agent | string; status: string }
  | { type: "pong" }
  | { type: "error"; error: WireError }
  | { type: "bye"; code: string; retry_ms?: number | null };

/** A frame to the server; `type` names it. */
export interface ClientFrame {
  type: string;
  [field: string]: unknown;
}

/** A frame whose result is stored under its `client_id`, so that it may be sent again. */
export interface Command extends ClientFrame {
  client_id: string;
}

export const SUBPROTOCOL = "baton.v1";

/** The choice that every reply of the bot carries; the relay acts on it without the bot. */
export const HUMAN_CHOICE = "human";

/** Characters (code points) in one message. */
export const MAX_TEXT = 4000;

/** Reads one text frame; null when it is not an object with a `type`. */
export function parseFrame(text: string): ServerFrame | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  return typeof value.type === "string" ? (value as ServerFrame) : null;
}

/** The one shape of errors, HTTP or socket; null when the body has another. */
export function parseError(body: unknown): WireError | null {
  if (typeof body !== "object" || body === null || !("error" in body)) return null;
  const error = body.error;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return null;
  if (typeof error.code !== "string" || typeof error.message !== "string") return null;
  return error as WireError;
}

/** Characters as the server counts them: code points, not UTF-16 units. */
export function textLength(text: string): number {
  // A pair of surrogates is one character.
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}

/** How much room a text has left, or how much it is too long. */
export function lengthWords(left: number): string {
  const count = Math.abs(left);
  return `${count} ${count === 1 ? "character" : "characters"} ${left < 0 ? "too many" : "left"}`;
}

/** A fresh `client_id` or `idempotency key`: 32 hexadecimal characters of randomness. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
