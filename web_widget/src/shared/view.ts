/**
 * A conversation as its reader sees it: a fold of its events. `fixtures/` holds events with the view they give,
 * read by the tests of both languages: a snapshot with events applied equals a fresh snapshot.
 */
import { type BatonEvent, type Choice, type ConversationState, HUMAN_CHOICE, type HandoffData } from "./protocol";

/** One line of the transcript, in the order of the log. */
export type Entry =
  | {
      type: "message";
      seq: number;
      at: string;
      from: "customer" | "bot" | "agent";
      name: string | null;
      text: string;
      client_id: string | null;
      article: { id: string; title: string | null } | null;
      /** What could be chosen, in the bot's words; left out where that was a person only. */
      offered?: string[];
    }
  | { type: "note"; seq: number; at: string; name: string | null; text: string; client_id: string | null }
  | { type: "notice"; seq: number; at: string; code: string; name: string | null; text: string | null }
  | { type: "handoff"; seq: number; at: string; handoff: HandoffData };

/** What the customer was offered last and may still choose. */
export interface Offer {
  seq: number;
  choices: Choice[];
}

export interface View {
  cursor: number;
  state: ConversationState;
  episode: number;
  entries: Entry[];
  holder: { id: string | null; name: string | null } | null;
  offer: Offer | null;
  /** The last handoff asked for, of any episode. */
  handoff: HandoffData | null;
  /** `at` of the event since which a person is awaited. */
  waiting_since: string | null;
  /** `seq` of the last words of a customer. */
  last_customer_seq: number;
}

export function emptyView(): View {
  return {
    cursor: 0,
    state: "bot",
    episode: 1,
    entries: [],
    holder: null,
    offer: null,
    handoff: null,
    waiting_since: null,
    last_customer_seq: 0,
  };
}

/** The view after one more event; the argument stays as it is. Unknown kinds only move the cursor. */
export function applyEvent(view: View, event: BatonEvent): View {
  const next: View = { ...view, cursor: event.seq };
  const { seq, at } = event;
  const name = event.actor.name ?? null;
  const add = (entry: Entry): void => {
    next.entries = [...view.entries, entry];
  };
  const notice = (code: string, text: string | null = null): void => {
    add({ type: "notice", seq, at, code, name, text });
  };
  switch (event.kind) {
    case "conversation.started":
      notice("started", event.data.page?.title ?? null);
      break;
    case "episode.started":
      next.episode = event.data.episode;
      next.state = "bot";
      next.holder = null;
      next.offer = null;
      next.waiting_since = null;
      notice("episode");
      break;
    case "customer.said":
      add({
        type: "message",
        seq,
        at,
        from: "customer",
        name,
        text: event.data.text,
        client_id: event.data.client_id ?? null,
        article: null,
      });
      next.offer = null;
      next.last_customer_seq = seq;
      break;
    case "bot.replied": {
      const { article_id: id, article_title: title, choices } = event.data;
      const offered = (choices ?? []).filter((choice) => choice.id !== HUMAN_CHOICE).map((choice) => choice.label);
      add({
        type: "message",
        seq,
        at,
        from: "bot",
        name,
        text: event.data.text,
        client_id: null,
        article: id == null ? null : { id, title: title ?? null },
        ...(offered.length > 0 ? { offered } : {}),
      });
      next.offer = choices != null && choices.length > 0 ? { seq, choices } : null;
      break;
    }
    case "handoff.requested":
      next.state = "waiting";
      next.offer = null;
      next.handoff = event.data;
      next.waiting_since = at;
      add({ type: "handoff", seq, at, handoff: event.data });
      break;
    case "handoff.cancelled":
      next.state = "bot";
      next.offer = null;
      next.waiting_since = null;
      notice("cancelled");
      break;
    case "handoff.expired":
      next.state = "bot";
      next.offer = null;
      next.waiting_since = null;
      notice("expired");
      break;
    case "handoff.alerted":
      notice("alerted", event.data.level);
      break;
    case "agent.joined":
      next.state = "agent";
      next.offer = null;
      next.waiting_since = null;
      next.holder = { id: event.actor.id ?? null, name };
      notice("joined");
      break;
    case "agent.left":
      next.state = "waiting";
      next.holder = null;
      next.waiting_since = at;
      // The relay says that they are gone, in its own name: whose place it was is known from before.
      add({ type: "notice", seq, at, code: "left", name: name ?? view.holder?.name ?? null, text: null });
      break;
    case "agent.said":
      add({
        type: "message",
        seq,
        at,
        from: "agent",
        name,
        text: event.data.text,
        client_id: event.data.client_id ?? null,
        article: null,
      });
      break;
    case "agent.noted":
      add({ type: "note", seq, at, name, text: event.data.text, client_id: event.data.client_id ?? null });
      break;
    case "conversation.transferred":
      next.state = "waiting";
      next.holder = null;
      next.waiting_since = at;
      notice("transferred", event.data.note ?? null);
      break;
    case "conversation.returned_to_bot":
      next.state = "bot";
      next.holder = null;
      notice("returned", event.data.note ?? null);
      break;
    case "conversation.closed":
      next.state = "closed";
      next.holder = null;
      next.offer = null;
      next.waiting_since = null;
      notice("closed", event.data.by ?? null);
      break;
    case "customer.left_contact":
      notice("contact", event.data.email);
      break;
    case "contact.followed_up":
      notice("followed_up", event.data.outcome ?? null);
      break;
    case "bot.reply_discarded":
      notice("discarded");
      break;
    case "message.redacted":
      next.entries = view.entries.map((entry) =>
        entry.seq === event.data.seq && (entry.type === "message" || entry.type === "note")
          ? { ...entry, text: "" }
          : entry,
      );
      break;
    case "system.notice": {
      const { code, text, choices } = event.data;
      notice(`system.${code}`, text);
      next.offer = choices != null && choices.length > 0 ? { seq, choices } : null;
      break;
    }
    case "customer.rated":
    case "customer.gave_feedback":
      break;
  }
  return next;
}
