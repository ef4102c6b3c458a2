/** An agent's desk: the live queue, the chats that are followed, and what was sent but not yet answered. */
import { Driver } from "../shared/driver";
import { Feed } from "../shared/feed";
import type { Phase } from "../shared/link";
import type { Agent, BatonEvent, Command, ConversationState, InboxItem, ServerFrame, WireError } from "../shared/protocol";
import { randomId } from "../shared/protocol";
import { seenBy } from "../shared/seen";
import { applyEvent, emptyView, type View } from "../shared/view";
import { type PendingWords, readOutbox, toPending, writeOutbox } from "./outbox";
import { type Draft, loadDrafts, saveDrafts } from "./settings";
import { customerName, refusal } from "./words";

export interface Chat {
  id: string;
  view: View;
  /** The server's word on the state; the view's own follows event by event. */
  state: ConversationState;
  /** Everything up to the subscription's head has arrived. */
  ready: boolean;
  typing: boolean;
  /** The last `seq` the customer has seen. */
  customerSeen: number;
  /** The last `seq` this agent has looked at. */
  seen: number;
}

export interface Toast {
  id: string;
  text: string;
  bad: boolean;
}

export interface DeskState {
  me: Agent;
  phase: Phase;
  /** Welcomed at least once: before, the queue is unknown, not empty. */
  known: boolean;
  /** Add to the local clock for the server's. */
  offsetMs: number;
  items: ReadonlyMap<string, InboxItem>;
  chats: ReadonlyMap<string, Chat>;
  selected: string | null;
  /** The item of the selected chat as last seen, for when it has left the inbox. */
  selectedItem: InboxItem | null;
  pending: readonly PendingWords[];
  drafts: Readonly<Record<string, Draft>>;
  toasts: readonly Toast[];
  /** Commands under way, by conversation: their buttons rest. */
  busy: ReadonlyMap<string, string>;
}

export interface DeskHooks {
  presence: () => "online" | "away";
  /** Somebody new waits. */
  arrived: (item: InboxItem) => void;
  /** Somebody waits too long: this agent is called. */
  called: (item: InboxItem) => void;
  /** The session may be over: ask. */
  doubt: () => void;
}

const TOAST_MS = 7_000;
const TYPING_EVERY_MS = 3_000;
const CUSTOMER_TYPING_MS = 7_000;

export class Desk {
  state: DeskState;
  readonly #hooks: DeskHooks;
  readonly #listeners = new Set<() => void>();
  readonly #driver: Driver;
  readonly #feeds = new Map<string, Feed>();
  readonly #heads = new Map<string, number>();
  readonly #gaps = new Map<string, number>();
  readonly #typingTimers = new Map<string, ReturnType<typeof setTimeout>>();
  #typedAt = 0;

  constructor(me: Agent, hooks: DeskHooks) {
    this.#hooks = hooks;
    const restored = readOutbox(me.id);
    this.state = {
      me,
      phase: "idle",
      known: false,
      offsetMs: 0,
      items: new Map(),
      chats: new Map(),
      selected: null,
      selectedItem: null,
      pending: restored.flatMap((q) => toPending(q.command)),
      drafts: loadDrafts(me.id),
      toasts: [],
      busy: new Map(),
    };
    this.#driver = new Driver(
      {
        url: `${location.origin.replace(/^http/, "ws")}/ws/agent`,
        hello: () => ({ type: "hello" }),
        deliver: (frame) => this.#deliver(frame),
        phase: (phase) => {
          this.#set({ phase });
          if (phase === "waiting" || phase === "stopped") this.#hooks.doubt();
        },
        acked: (command, seq) => this.#acked(command, seq),
        rejected: (command, error) => this.#rejected(command, error),
        queued: (queue) => writeOutbox(me.id, queue),
      },
      restored,
    );
    this.#driver.start();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  destroy(): void {
    this.#driver.destroy();
    this.#listeners.clear();
    for (const timer of this.#typingTimers.values()) clearTimeout(timer);
  }

  now(): number {
    return Date.now() + this.state.offsetMs;
  }

  // --- what an agent does -------------------------------------------------------------------------------

  select(id: string | null): void {
    const before = this.state.selected;
    if (before === id) return;
    this.#set({ selected: id, selectedItem: id === null ? null : (this.state.items.get(id) ?? null) });
    if (before !== null && !this.#isMine(before)) this.#unfollow(before);
    if (id !== null) this.#follow(id);
  }

  presence(status: "online" | "away"): void {
    this.#driver.whisper({ type: "presence", status });
  }

  claim(id: string, takeover = false): void {
    this.#command(id, { type: "claim", ...(takeover ? { takeover: true } : {}) });
  }

  say(id: string, type: "say" | "note", text: string): void {
    const command = { type, client_id: randomId(), conversation_id: id, text };
    this.#set({ pending: [...this.state.pending, ...toPending(command)] });
    this.draft(id, type, "");
    this.#typedAt = 0;
    this.#driver.submit(command, id);
  }

  returnToBot(id: string, outcome: string, note: string): void {
    this.#command(id, { type: "return_to_bot", outcome, ...(note === "" ? {} : { note }) });
  }

  followUpDone(id: string): void {
    this.#command(id, { type: "follow_up_done" });
  }

  close(id: string, outcome: string): void {
    // What this agent has seen, not what has arrived: words that came meanwhile make it `new_messages`.
    this.#command(id, { type: "close", outcome, after: this.state.chats.get(id)?.seen ?? 0 });
  }

  draft(id: string, type: "say" | "note", text: string): void {
    const { [id]: old = { say: "", note: "" }, ...rest } = this.state.drafts;
    const draft = { ...old, [type]: text };
    const drafts = draft.say === "" && draft.note === "" ? rest : { ...rest, [id]: draft };
    saveDrafts(this.state.me.id, drafts);
    this.#set({ drafts });
  }

  typing(id: string, on: boolean): void {
    const now = Date.now();
    if (on ? now - this.#typedAt < TYPING_EVERY_MS : this.#typedAt === 0) return;
    this.#typedAt = on ? now : 0;
    this.#driver.whisper({ type: "typing", conversation_id: id, on });
  }

  /** The selected chat is before the agent's eyes. */
  markSeen(): void {
    const { selected, chats } = this.state;
    const chat = selected === null ? undefined : chats.get(selected);
    if (chat === undefined || chat.view.cursor <= chat.seen) return;
    this.#change(chat.id, { seen: chat.view.cursor });
    this.#driver.whisper({ type: "seen", conversation_id: chat.id, seq: chat.view.cursor });
  }

  toast(text: string, bad = false): void {
    const id = randomId();
    this.#set({ toasts: [...this.state.toasts.slice(-3), { id, text, bad }] });
    setTimeout(() => this.#set({ toasts: this.state.toasts.filter((t) => t.id !== id) }), TOAST_MS);
  }

  // --- inside -------------------------------------------------------------------------------------------

  #set(change: Partial<DeskState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }

  #change(id: string, change: Partial<Chat>): void {
    const chat = this.state.chats.get(id);
    if (chat === undefined) return;
    this.#set({ chats: new Map(this.state.chats).set(id, { ...chat, ...change }) });
  }

  #command(id: string, frame: { type: string; [field: string]: unknown }): void {
    if (this.state.busy.has(id)) return;
    this.#set({ busy: new Map(this.state.busy).set(id, frame.type) });
    this.#driver.submit({ ...frame, client_id: randomId(), conversation_id: id }, id);
  }

  #isMine(id: string): boolean {
    return this.state.items.get(id)?.holder?.id === this.state.me.id;
  }

  #feed(id: string): Feed {
    let feed = this.#feeds.get(id);
    if (feed === undefined) this.#feeds.set(id, (feed = new Feed()));
    return feed;
  }

  #follow(id: string): void {
    if (!this.state.chats.has(id)) {
      const chat: Chat = { id, view: emptyView(), state: "waiting", ready: false, typing: false, customerSeen: 0, seen: 0 };
      this.#set({ chats: new Map(this.state.chats).set(id, chat) });
      this.#driver.whisper({ type: "subscribe", conversation_id: id, after: this.#feed(id).cursor });
    }
  }

  #unfollow(id: string): void {
    const chats = new Map(this.state.chats);
    chats.delete(id);
    this.#feeds.delete(id);
    this.#gaps.delete(id);
    this.#set({ chats });
    this.#driver.whisper({ type: "unsubscribe", conversation_id: id });
  }

  #acked(command: Command, seq: number): void {
    const id = String(command.conversation_id);
    if (command.type === "say" || command.type === "note") {
      const pending = this.state.pending.map((p) => (p.client_id === command.client_id ? { ...p, logged: seq } : p));
      this.#set({ pending: this.#unlogged(pending) });
      return;
    }
    this.#rest(id);
    if (command.type === "claim") this.#follow(id);
  }

  #rest(id: string): void {
    const busy = new Map(this.state.busy);
    busy.delete(id);
    this.#set({ busy });
  }

  #rejected(command: Command, error: WireError): void {
    const id = String(command.conversation_id);
    if (command.type === "say" || command.type === "note") {
      this.#set({ pending: this.state.pending.filter((p) => p.client_id !== command.client_id) });
      // The words go back to where they were written, before what was written since.
      const since = this.state.drafts[id]?.[command.type] ?? "";
      const text = typeof command.text === "string" ? command.text : "";
      this.draft(id, command.type, since === "" ? text : `${text}\n${since}`);
      this.toast(`Not sent: ${refusal(error)} Your text is kept.`, true);
      return;
    }
    this.#rest(id);
    this.toast(refusal(error), true);
  }

  #unlogged(pending: readonly PendingWords[]): readonly PendingWords[] {
    return pending.filter((p) => {
      const view = this.state.chats.get(p.conversation_id)?.view;
      if (p.logged !== null && (view === undefined || p.logged <= view.cursor)) return false;
      return view?.entries.some((e) => (e.type === "message" || e.type === "note") && e.client_id === p.client_id) !== true;
    });
  }

  #deliver(frame: ServerFrame): void {
    switch (frame.type) {
      case "welcome":
        this.#welcome(frame.inbox ?? [], frame.now);
        break;
      case "inbox":
        this.#item(frame.item);
        break;
      case "inbox_removed": {
        const items = new Map(this.state.items);
        items.delete(frame.conversation_id);
        this.#set({ items });
        if (this.state.selected !== frame.conversation_id) this.#unfollow(frame.conversation_id);
        break;
      }
      case "alert":
        this.#hooks.called(frame.item);
        break;
      case "subscribed": {
        const feed = this.#feed(frame.conversation_id);
        // We knew more than the log, after a restore: everything follows from 1.
        if (frame.reset === true) {
          feed.reset();
          this.#change(frame.conversation_id, { view: emptyView() });
        }
        this.#heads.set(frame.conversation_id, frame.seq);
        this.#change(frame.conversation_id, {
          state: frame.state,
          ready: feed.cursor >= frame.seq,
          customerSeen: seenBy(frame.seen, "customer"),
          seen: Math.max(this.state.chats.get(frame.conversation_id)?.seen ?? 0, seenBy(frame.seen, "agent")),
        });
        break;
      }
      case "event":
        if (frame.conversation_id !== undefined) this.#event(frame.conversation_id, frame.event);
        break;
      case "typing":
        if (frame.conversation_id !== undefined && frame.actor.type === "customer") this.#customerTyping(frame.conversation_id, frame.on);
        break;
      case "seen":
        if (frame.conversation_id !== undefined && frame.actor.type === "customer")
          this.#change(frame.conversation_id, { customerSeen: frame.seq });
        break;
      case "error":
        // Commands are refused by their own `nack` and sent again: this was a whisper, and may be lost.
        if (frame.error.code !== "rate_limited") this.toast(frame.error.message, true);
        break;
      default:
        break;
    }
  }

  #welcome(inbox: InboxItem[], now: string | undefined): void {
    const server = now === undefined ? Number.NaN : Date.parse(now);
    this.#set({
      known: true,
      offsetMs: Number.isNaN(server) ? 0 : server - Date.now(),
      items: new Map(inbox.map((item) => [item.conversation_id, item])),
    });
    this.presence(this.#hooks.presence());
    for (const id of this.state.chats.keys())
      this.#driver.whisper({ type: "subscribe", conversation_id: id, after: this.#feed(id).cursor });
    for (const item of inbox) if (this.#isMine(item.conversation_id)) this.#follow(item.conversation_id);
    const { selected } = this.state;
    const item = selected === null ? undefined : this.state.items.get(selected);
    if (item !== undefined) this.#set({ selectedItem: item });
  }

  #item(item: InboxItem): void {
    const before = this.state.items.get(item.conversation_id);
    this.#set({
      items: new Map(this.state.items).set(item.conversation_id, item),
      ...(this.state.selected === item.conversation_id ? { selectedItem: item } : {}),
    });
    if (item.state === "waiting" && before?.state !== "waiting") this.#hooks.arrived(item);
    if (this.#isMine(item.conversation_id)) this.#follow(item.conversation_id);
    else if (before?.holder?.id === this.state.me.id) {
      if (item.holder != null) this.toast(`${item.holder.name} took over ${customerName(item)}.`);
      if (this.state.selected !== item.conversation_id) this.#unfollow(item.conversation_id);
    }
  }

  #event(id: string, event: BatonEvent): void {
    const chat = this.state.chats.get(id);
    if (chat === undefined) return;
    const feed = this.#feed(id);
    const verdict = feed.judge(event);
    if (verdict === "known") return;
    if (verdict === "gap") {
      const gaps = (this.#gaps.get(id) ?? 0) + 1;
      this.#gaps.set(id, gaps);
      if (gaps > 1) {
        // The cursor itself does not fit: everything anew.
        feed.reset();
        this.#change(id, { view: emptyView() });
      }
      this.#driver.whisper({ type: "subscribe", conversation_id: id, after: feed.cursor });
      return;
    }
    this.#gaps.delete(id);
    const view = applyEvent(chat.view, event);
    this.#change(id, {
      view,
      state: view.state,
      ready: chat.ready || view.cursor >= (this.#heads.get(id) ?? 0),
      ...(event.actor.type === "customer" ? { typing: false } : {}),
    });
    if (this.state.pending.length > 0) this.#set({ pending: this.#unlogged(this.state.pending) });
  }

  #customerTyping(id: string, on: boolean): void {
    clearTimeout(this.#typingTimers.get(id));
    this.#change(id, { typing: on });
    if (on) this.#typingTimers.set(id, setTimeout(() => this.#change(id, { typing: false }), CUSTOMER_TYPING_MS));
  }
}
