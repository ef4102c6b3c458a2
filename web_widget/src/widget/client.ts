/**
 * The customer's side of one conversation: starts it at the first words, follows it, keeps what is not yet
 * acknowledged, and tells whoever draws it.
 */
import { Driver } from "../shared/driver";
import { Feed } from "../shared/feed";
import type { Phase, QueuedCommand } from "../shared/link";
import { type Command, randomId, type ServerFrame, type Wait, type WireError } from "../shared/protocol";
import { seenBy } from "../shared/seen";
import { applyEvent, emptyView, type View } from "../shared/view";
import { fetchSite, renewToken, type Site, startConversation, type StartRequest } from "./api";
import type { Options } from "./options";
import { Store } from "./storage";

/** Words that are not in the log yet, as far as this page knows. */
export interface Pending {
  client_id: string;
  text: string;
  at: string;
  status: "sending" | "sent" | "failed";
  error: WireError | null;
  /** The `seq` that its `ack` named: when the view holds it, the log shows these words. */
  logged: number | null;
}

export interface ClientState {
  site: Site | null;
  view: View;
  /** All that was missed has arrived: before, the transcript is still being filled. */
  ready: boolean;
  phase: Phase;
  pending: readonly Pending[];
  /** `online` null: the server did not say how many agents are there. */
  queue: { position: number; wait: Wait | null; online: number | null } | null;
  typing: { from: "bot" | "agent"; name: string | null } | null;
  /** The last `seq` an agent has seen. */
  agentSeen: number;
  /** The last `seq` the customer has seen. */
  seen: number;
  trouble: WireError | null;
}

const LANE = "conversation";
/** Longer than the limit within which a turn gets its outcome, so a lost "off" leaves nothing behind for long. */
const TYPING_LIMIT_MS = { bot: 30_000, agent: 7_000 };
const TYPING_EVERY_MS = 3_000;

export class Client {
  state: ClientState;
  readonly #options: Options;
  readonly #store: Store;
  readonly #listeners = new Set<() => void>();
  readonly #abort = new AbortController();
  readonly #feed = new Feed();
  #driver: Driver | null = null;
  #starting = false;
  #startAttempt = 0;
  #startTimer: ReturnType<typeof setTimeout> | undefined;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  #typedAt = 0;
  /** The `seq` at which everything missed at the last welcome has arrived. */
  #caughtUpAt = 0;
  /** Resyncs since an event was last applied: a second one in a row starts from nothing. */
  #gaps = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#store = new Store(options.base);
    const kept = this.#store.read();
    this.state = {
      site: null,
      view: emptyView(),
      ready: kept?.conversation == null,
      phase: "idle",
      pending: (kept?.outbox ?? []).flatMap((q) => toPending(q.command)),
      queue: null,
      typing: null,
      agentSeen: 0,
      seen: kept?.seen ?? 0,
      trouble: null,
    };
    this.#store.watch(() => this.#otherTab(), this.#abort.signal);
    addEventListener("online", () => this.#retryStart(), { signal: this.#abort.signal });
    void this.#loadSite();
    if (kept?.conversation != null) this.#connect(kept.outbox);
    else if (kept !== null && kept.outbox.length > 0) void this.#begin();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  destroy(): void {
    this.#abort.abort();
    clearTimeout(this.#startTimer);
    clearTimeout(this.#typingTimer);
    this.#driver?.destroy();
    this.#listeners.clear();
  }

  say(text: string, choice: string | null = null): void {
    const command: Command = { type: "say", client_id: randomId(), text };
    if (choice !== null) command.choice = choice;
    this.#set({ pending: [...this.state.pending, ...toPending(command)], trouble: null });
    this.#typedAt = 0;
    this.#submit(command);
  }

  /** Sends failed words again as new ones. */
  retry(pending: Pending): void {
    this.discard(pending);
    this.say(pending.text);
  }

  discard(pending: Pending): void {
    this.#set({ pending: this.state.pending.filter((p) => p.client_id !== pending.client_id) });
  }

  requestHuman(): void {
    this.#submit({ type: "request_human", client_id: randomId() });
  }

  cancelHandoff(): void {
    this.#submit({ type: "cancel_handoff", client_id: randomId() });
  }

  /** Ends the wait: somebody writes to this address. */
  leaveContact(email: string, text: string): void {
    this.#set({ trouble: null });
    this.#submit({ type: "leave_contact", client_id: randomId(), email, ...(text === "" ? {} : { text }) });
  }

  end(): void {
    this.#submit({ type: "end", client_id: randomId() });
  }

  /** The customer is writing (or not any more); told to the other side at most every few seconds. */
  typing(on: boolean): void {
    const now = Date.now();
    if (on && now - this.#typedAt < TYPING_EVERY_MS) return;
    if (!on && this.#typedAt === 0) return;
    this.#typedAt = on ? now : 0;
    this.#driver?.whisper({ type: "typing", on });
  }

  /** Everything up to here was before the customer's eyes. */
  markSeen(): void {
    const seq = this.state.view.cursor;
    if (seq <= this.state.seen) return;
    this.#store.update((kept) => ({ ...kept, seen: Math.max(kept.seen, seq) }));
    this.#set({ seen: seq });
    this.#driver?.whisper({ type: "seen", seq });
  }

  #set(change: Partial<ClientState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }

  async #loadSite(): Promise<void> {
    const answer = await fetchSite(this.#options.base);
    if (answer.ok) this.#set({ site: answer.data });
  }

  #submit(command: Command): void {
    if (this.#driver !== null) {
      this.#driver.submit(command, LANE);
      return;
    }
    this.#store.update((kept) => ({ ...kept, outbox: [...kept.outbox, { command, lane: LANE }] }));
    void this.#begin();
  }

  async #begin(): Promise<void> {
    if (this.#starting || this.#driver !== null) return;
    this.#starting = true;
    clearTimeout(this.#startTimer);
    const kept = this.#store.update((k) => ({ ...k, start: k.start ?? this.#startRequest() }));
    if (kept.conversation !== null) {
      // Another tab was faster.
      this.#starting = false;
      this.#connect(kept.outbox);
      return;
    }
    const answer = await startConversation(this.#options.base, kept.start ?? this.#startRequest());
    this.#starting = false;
    if (this.#abort.signal.aborted) return;
    if (answer.ok) {
      this.#startAttempt = 0;
      const { conversation_id: conversation, token } = answer.data;
      this.#connect(this.#store.update((k) => ({ ...k, conversation, token })).outbox);
      return;
    }
    const passing = answer.status === 0 || answer.status >= 500 || answer.status === 429;
    if (!passing) {
      this.#store.update((k) => ({ ...k, start: null, outbox: [] }));
      this.#set({
        trouble: answer.error,
        pending: this.state.pending.map((p) => ({ ...p, status: "failed", error: answer.error })),
        phase: "idle",
      });
      return;
    }
    this.#set({ phase: "waiting" });
    this.#startAttempt += 1;
    const wish = answer.error.data?.retry_ms;
    const delay = typeof wish === "number" ? wish : Math.min(20_000, 500 * 2 ** this.#startAttempt);
    this.#startTimer = setTimeout(() => void this.#begin(), delay * (0.75 + Math.random() / 2));
  }

  #startRequest(): StartRequest {
    const { locale, customer } = this.#options;
    return {
      client_id: randomId(),
      ...(locale === null ? {} : { locale }),
      // Without the query: it may carry what is nobody's business.
      page: { url: (location.origin + location.pathname).slice(0, 2_000), title: document.title.slice(0, 300) },
      ...(customer === null ? {} : { customer }),
    };
  }

  #retryStart(): void {
    if (this.#driver === null && (this.#store.read()?.outbox.length ?? 0) > 0) void this.#begin();
  }

  /** Another tab started the conversation, or saw more of it. */
  #otherTab(): void {
    const kept = this.#store.read();
    if (kept === null) return;
    if (kept.conversation !== null && this.#driver === null && !this.#starting) this.#connect(kept.outbox);
    if (kept.seen > this.state.seen) this.#set({ seen: kept.seen });
  }

  #connect(outbox: readonly QueuedCommand[]): void {
    if (this.#driver !== null || this.#abort.signal.aborted) return;
    const known = new Set(this.state.pending.map((p) => p.client_id));
    const added = outbox.flatMap((q) => toPending(q.command)).filter((p) => !known.has(p.client_id));
    if (added.length > 0) this.#set({ pending: [...this.state.pending, ...added] });
    let mine = new Set(outbox.map((q) => q.command.client_id));
    this.#driver = new Driver(
      {
        url: `${this.#options.base.replace(/^http/, "ws")}/ws/customer`,
        hello: () => ({ type: "hello", token: this.#store.read()?.token ?? "", after: this.#feed.cursor }),
        deliver: (frame) => this.#deliver(frame),
        phase: (phase, error) => this.#phase(phase, error),
        acked: (command, seq) => this.#acked(command, seq),
        rejected: (command, error) => this.#rejected(command, error),
        queued: (queue) => {
          // What this tab knows replaces what it wrote before; other tabs' commands stay.
          const before = mine;
          mine = new Set(queue.map((q) => q.command.client_id));
          this.#store.update((kept) => ({
            ...kept,
            outbox: [...kept.outbox.filter((q) => !before.has(q.command.client_id) && !mine.has(q.command.client_id)), ...queue],
          }));
        },
        renewToken: () => this.#renew(),
      },
      outbox,
    );
    this.#driver.start();
  }

  async #renew(): Promise<WireError | null> {
    const kept = this.#store.read();
    if (kept?.conversation == null || kept.token === null) return { code: "unauthorized", message: "No conversation." };
    const answer = await renewToken(this.#options.base, kept.conversation, kept.token);
    if (!answer.ok) return answer.error;
    this.#store.update((k) => ({ ...k, token: answer.data.token }));
    return null;
  }

  #phase(phase: Phase, error: WireError | null): void {
    if (phase === "stopped") {
      this.#lostConversation(error);
      return;
    }
    this.#set(phase === "ready" ? { phase } : { phase, typing: null });
  }

  /** The server does not know (or no longer opens) what is stored here: begin anew, with the unsent words. */
  #lostConversation(error: WireError | null): void {
    const outbox = this.#driver?.queue.filter((q) => q.command.type === "say") ?? [];
    this.#driver?.destroy();
    this.#driver = null;
    this.#feed.reset();
    this.#store.forget();
    this.#set({
      view: emptyView(),
      ready: true,
      phase: "idle",
      queue: null,
      typing: null,
      seen: 0,
      agentSeen: 0,
      trouble: error,
    });
    if (outbox.length > 0) {
      this.#store.update((kept) => ({ ...kept, outbox }));
      void this.#begin();
    }
  }

  #acked(command: Command, seq: number): void {
    const pending = this.state.pending.map((p) =>
      p.client_id === command.client_id ? { ...p, status: "sent" as const, logged: seq } : p,
    );
    this.#set({ pending: this.#unlogged(pending, this.state.view) });
  }

  #rejected(command: Command, error: WireError): void {
    if (command.type === "say") {
      this.#set({
        pending: this.state.pending.map((p) =>
          p.client_id === command.client_id ? { ...p, status: "failed", error } : p,
        ),
      });
    } else if (error.code !== "wrong_state") {
      // `wrong_state` means that it happened already, and the view says so.
      this.#set({ trouble: error });
    }
  }

  /** Pending words without those that the log holds. */
  #unlogged(pending: readonly Pending[], view: View): readonly Pending[] {
    if (pending.length === 0) return pending;
    const logged = new Set(view.entries.map((e) => (e.type === "message" ? e.client_id : null)));
    return pending.filter((p) => !logged.has(p.client_id) && (p.logged === null || p.logged > view.cursor));
  }

  #deliver(frame: ServerFrame): void {
    switch (frame.type) {
      case "welcome": {
        if (frame.reset === true) {
          this.#feed.reset();
          this.#set({ view: emptyView(), seen: 0 });
        }
        this.#caughtUpAt = frame.seq ?? 0;
        this.#set({
          ready: this.#feed.cursor >= this.#caughtUpAt,
          typing: null,
          queue: null,
          trouble: null,
          seen: Math.max(this.state.seen, seenBy(frame.seen, "customer")),
          agentSeen: Math.max(this.state.agentSeen, seenBy(frame.seen, "agent")),
        });
        break;
      }
      case "event": {
        const verdict = this.#feed.judge(frame.event);
        if (verdict === "known") break;
        if (verdict === "gap") {
          this.#gaps += 1;
          if (this.#gaps > 1) {
            this.#feed.reset();
            this.#set({ view: emptyView() });
          }
          this.#driver?.resync();
          break;
        }
        this.#gaps = 0;
        const view = applyEvent(this.state.view, frame.event);
        const spoke = frame.event.actor.type === "bot" || frame.event.actor.type === "agent";
        this.#set({
          view,
          pending: this.#unlogged(this.state.pending, view),
          ready: this.state.ready || view.cursor >= this.#caughtUpAt,
          ...(spoke || view.state === "closed" ? { typing: null } : {}),
          // A place may be told before the event that begins the wait has arrived: only a wait's end forgets it.
          ...(this.state.view.state === "waiting" && view.state !== "waiting" ? { queue: null } : {}),
        });
        break;
      }
      case "queue":
        this.#set({ queue: { position: frame.position, wait: frame.wait_s ?? null, online: frame.agents_online ?? null } });
        break;
      case "typing": {
        clearTimeout(this.#typingTimer);
        const from = frame.actor.type;
        if (frame.on && (from === "bot" || from === "agent")) {
          this.#set({ typing: { from, name: frame.actor.name ?? null } });
          this.#typingTimer = setTimeout(() => this.#set({ typing: null }), TYPING_LIMIT_MS[from]);
        } else this.#set({ typing: null });
        break;
      }
      case "seen":
        if (frame.actor.type === "agent") this.#set({ agentSeen: Math.max(this.state.agentSeen, frame.seq) });
        else if (frame.actor.type === "customer") this.#set({ seen: Math.max(this.state.seen, frame.seq) });
        break;
      case "error":
        // Commands are refused by their own `nack` and sent again: this was a whisper, and may be lost.
        if (frame.error.code !== "rate_limited") this.#set({ trouble: frame.error });
        break;
      default:
        break;
    }
  }
}

function toPending(command: Command): Pending[] {
  if (command.type !== "say" || typeof command.text !== "string") return [];
  return [{ client_id: command.client_id, text: command.text, at: new Date().toISOString(), status: "sending", error: null, logged: null }];
}
