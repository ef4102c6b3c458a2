/** Runs a `Link` in a browser: the socket, the timers, and the signs that a page woke up. */
import type { Effect, Input, QueuedCommand } from "./link";
import { Link, type Phase, type TimerName } from "./link";
import { parseFrame, SUBPROTOCOL } from "./protocol";
import type { ClientFrame, Command, ServerFrame, WireError } from "./protocol";

export interface DriverHooks {
  url: string;
  /** The `hello` of this moment, with the cursor that is held now. */
  hello: () => ClientFrame;
  deliver: (frame: ServerFrame) => void;
  phase: (phase: Phase, error: WireError | null) => void;
  acked: (command: Command, seq: number) => void;
  rejected: (command: Command, error: WireError) => void;
  /** Called after the queue changed, to keep it over a reload. */
  queued?: (queue: readonly QueuedCommand[]) => void;
  /** Fetches a new token; rejects with a `WireError`-carrying error where it cannot. */
  renewToken?: () => Promise<WireError | null>;
}

export class Driver {
  readonly #hooks: DriverHooks;
  readonly #link: Link;
  #socket: WebSocket | null = null;
  readonly #timers = new Map<TimerName, ReturnType<typeof setTimeout>>();
  readonly #listeners = new AbortController();

  constructor(hooks: DriverHooks, restored: readonly QueuedCommand[] = []) {
    this.#hooks = hooks;
    this.#link = new Link(Math.random, restored);
    const signal = this.#listeners.signal;
    const wake = (): void => this.#handle({ type: "wake" });
    document.addEventListener(
      "visibilitychange",
      () => {
        if (document.visibilityState === "visible") wake();
      },
      { signal },
    );
    addEventListener("pageshow", wake, { signal });
    addEventListener("online", wake, { signal });
    addEventListener("offline", () => this.#handle({ type: "offline" }), { signal });
  }

  get phase(): Phase {
    return this.#link.phase;
  }

  get queue(): readonly QueuedCommand[] {
    return this.#link.queue;
  }

  start(): void {
    this.#handle({ type: "start" });
  }

  /** Ends it for good: socket, timers and listeners are gone. */
  destroy(): void {
    this.#handle({ type: "stop" });
    this.#listeners.abort();
  }

  submit(command: Command, lane: string): void {
    this.#handle({ type: "submit", command, lane });
    this.#hooks.queued?.(this.#link.queue);
  }

  resync(): void {
    this.#handle({ type: "resync" });
  }

  /** Sends what may be lost (typing, seen, subscribe): false when there is no connection. */
  whisper(frame: ClientFrame): boolean {
    if (this.#link.phase !== "ready" || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #handle(input: Input): void {
    for (const effect of this.#link.handle(input)) this.#run(effect);
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case "connect":
        this.#open();
        break;
      case "disconnect":
        this.#close();
        break;
      case "hello":
        this.#send(this.#hooks.hello());
        break;
      case "send":
        this.#send(effect.frame);
        break;
      case "set_timer":
        clearTimeout(this.#timers.get(effect.name));
        this.#timers.set(
          effect.name,
          setTimeout(() => this.#handle({ type: "timer", name: effect.name }), effect.ms),
        );
        break;
      case "clear_timer":
        clearTimeout(this.#timers.get(effect.name));
        this.#timers.delete(effect.name);
        break;
      case "renew_token":
        void this.#renew();
        break;
      case "phase":
        this.#hooks.phase(effect.phase, effect.error);
        break;
      case "deliver":
        this.#hooks.deliver(effect.frame);
        break;
      case "acked":
        this.#hooks.queued?.(this.#link.queue);
        this.#hooks.acked(effect.command, effect.seq);
        break;
      case "rejected":
        this.#hooks.queued?.(this.#link.queue);
        this.#hooks.rejected(effect.command, effect.error);
        break;
    }
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #open(): void {
    const socket = new WebSocket(this.#hooks.url, SUBPROTOCOL);
    this.#socket = socket;
    // A socket that was left behind may still speak: only the present one is heard.
    socket.onopen = () => {
      if (this.#socket === socket) this.#handle({ type: "opened" });
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#handle({ type: "closed" });
    };
    socket.onmessage = (message: MessageEvent<unknown>) => {
      if (this.#socket !== socket || typeof message.data !== "string") return;
      const frame = parseFrame(message.data);
      if (frame !== null) this.#handle({ type: "frame", frame });
    };
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  async #renew(): Promise<void> {
    const error = await (this.#hooks.renewToken?.() ??
      Promise.resolve({ code: "token_expired", message: "This session has expired." }));
    this.#handle(error === null ? { type: "token_renewed" } : { type: "token_lost", error });
  }
}
