/**
 * One connection that comes back: a state machine without I/O.
 *
 * It is told what happened (`Input`) and says what to do (`Effect`); sockets, timers and the clock live in
 * `driver.ts`. It promises its user:
 * - every submitted command is sent until it is answered, with the same `client_id`, so a repeat is harmless;
 * - commands of one lane (a conversation) are sent one at a time, in their order, so that a resend never overtakes;
 * - after any interruption it reconnects with growing, jittered delays, and at once when the page wakes up.
 */
import type { ClientFrame, Command, ServerFrame, WireError } from "./protocol";

export type Phase =
  /** Not started, or stopped for good. */
  | "idle"
  /** The socket opens, or `welcome` is awaited. */
  | "connecting"
  | "ready"
  /** Waiting before the next attempt. */
  | "waiting"
  /** The server refused in a way that trying again does not help. */
  | "stopped";

export type TimerName = "retry" | "answer" | "ping" | "command";

export type Input =
  | { type: "start" }
  | { type: "stop" }
  | { type: "opened" }
  | { type: "closed" }
  | { type: "frame"; frame: ServerFrame }
  | { type: "timer"; name: TimerName }
  /** The page became visible, was restored, or the network came back. */
  | { type: "wake" }
  | { type: "offline" }
  | { type: "submit"; command: Command; lane: string }
  /** What the reader holds does not fit what arrives: say hello again, with its cursor. */
  | { type: "resync" }
  | { type: "token_renewed" }
  | { type: "token_lost"; error: WireError };

export type Effect =
  | { type: "connect" }
  | { type: "disconnect" }
  /** Send `hello`; its content (token, cursor) is the user's. */
  | { type: "hello" }
  | { type: "send"; frame: ClientFrame }
  | { type: "set_timer"; name: TimerName; ms: number }
  | { type: "clear_timer"; name: TimerName }
  | { type: "renew_token" }
  | { type: "phase"; phase: Phase; error: WireError | null }
  /** A frame for the user; `welcome` comes before the commands that are sent again. */
  | { type: "deliver"; frame: ServerFrame }
  | { type: "acked"; command: Command; seq: number }
  | { type: "rejected"; command: Command; error: WireError };

export interface QueuedCommand {
  command: Command;
  lane: string;
}

const FIRST_RETRY_MS = 400;
const MAX_RETRY_MS = 20_000;
/** Open and welcome together. */
const WELCOME_LIMIT_MS = 12_000;
/** Below the 30 s after which common proxies cut an idle connection. */
const PING_EVERY_MS = 25_000;
const PONG_LIMIT_MS = 8_000;
/** After a sleep the socket is usually dead although nobody said so: ask briefly. */
const WAKE_PONG_LIMIT_MS = 2_500;
/** Storage may be slow, but a command unanswered for this long was lost. */
const COMMAND_LIMIT_MS = 20_000;

/** Refusals that another attempt may not meet. The command stays first in its lane. */
const PASSING = new Set(["rate_limited", "storage_unavailable", "shutting_down"]);
/** Byes and errors after which trying again only annoys. */
const FINAL = new Set(["unauthorized", "forbidden", "not_found", "revoked", "too_many_sockets"]);

function retryMs(error: WireError): number {
  const wish = error.data?.retry_ms;
  return typeof wish === "number" && wish > 0 ? wish : 1_000;
}

export class Link {
  phase: Phase = "idle";
  #attempt = 0;
  #socket = false;
  /** A reason to try again later than the usual delay. */
  #wishMs = 0;
  #renewing = false;
  #queue: QueuedCommand[] = [];
  /** By lane: the `client_id` that was sent on this socket and is not answered. */
  #flying = new Map<string, string>();
  /** Lanes that a passing refusal holds back until the timer. */
  #held = new Set<string>();
  readonly #random: () => number;

  constructor(random: () => number, restored: readonly QueuedCommand[] = []) {
    this.#random = random;
    this.#queue = [...restored];
  }

  /** Commands not answered yet, oldest first: what to keep over a reload. */
  get queue(): readonly QueuedCommand[] {
    return this.#queue;
  }

  handle(input: Input): Effect[] {
    const out: Effect[] = [];
    switch (input.type) {
      case "start":
        if (this.phase === "idle" || this.phase === "stopped") this.#connect(out);
        break;
      case "stop":
        this.#drop(out);
        this.#to("idle", out);
        break;
      case "opened":
        out.push({ type: "hello" });
        break;
      case "closed":
        this.#socket = false;
        this.#lost(out);
        break;
      case "frame":
        this.#frame(input.frame, out);
        break;
      case "timer":
        this.#timer(input.name, out);
        break;
      case "wake":
        this.#wake(out);
        break;
      case "offline":
        // The browser knows that nothing gets through: say so at once, and try as usual, for it may be wrong.
        if (this.phase === "ready" || this.phase === "connecting") {
          this.#drop(out);
          this.#lost(out);
        }
        break;
      case "submit":
        this.#queue.push({ command: input.command, lane: input.lane });
        if (this.phase === "ready") this.#flush(out);
        break;
      case "resync":
        if (this.phase === "ready" || this.phase === "connecting") {
          this.#drop(out);
          this.#lost(out);
        }
        break;
      case "token_renewed":
        if (this.#renewing) {
          this.#renewing = false;
          this.#connect(out);
        }
        break;
      case "token_lost":
        this.#renewing = false;
        this.#drop(out);
        if (FINAL.has(input.error.code) || input.error.code === "token_expired") this.#to("stopped", out, input.error);
        else this.#lost(out);
        break;
    }
    return out;
  }

  #to(phase: Phase, out: Effect[], error: WireError | null = null): void {
    if (this.phase === phase && error === null) return;
    this.phase = phase;
    out.push({ type: "phase", phase, error });
  }

  #connect(out: Effect[]): void {
    this.#clearTimers(out);
    if (this.#socket) out.push({ type: "disconnect" });
    this.#socket = true;
    this.#to("connecting", out);
    out.push({ type: "connect" }, { type: "set_timer", name: "answer", ms: WELCOME_LIMIT_MS });
  }

  /** Leaves the socket behind without waiting for its close. */
  #drop(out: Effect[]): void {
    this.#clearTimers(out);
    this.#flying.clear();
    this.#held.clear();
    if (this.#socket) out.push({ type: "disconnect" });
    this.#socket = false;
  }

  #lost(out: Effect[]): void {
    if (this.phase === "idle" || this.phase === "stopped" || this.phase === "waiting" || this.#renewing) return;
    this.#clearTimers(out);
    this.#flying.clear();
    this.#held.clear();
    const full = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    // Half fixed, half random: a restarted server is not met by everybody in the same instant.
    const ms = Math.max(full, this.#wishMs) * (0.5 + this.#random() / 2) + this.#wishMs / 2;
    this.#wishMs = 0;
    this.#to("waiting", out);
    out.push({ type: "set_timer", name: "retry", ms: Math.round(ms) });
  }

  #wake(out: Effect[]): void {
    if (this.phase === "waiting") {
      this.#attempt = 0;
      this.#connect(out);
    } else if (this.phase === "ready") {
      out.push({ type: "send", frame: { type: "ping" } }, { type: "clear_timer", name: "ping" });
      out.push({ type: "set_timer", name: "answer", ms: WAKE_PONG_LIMIT_MS });
    }
  }

  #timer(name: TimerName, out: Effect[]): void {
    switch (name) {
      case "retry":
        if (this.phase === "waiting") this.#connect(out);
        break;
      case "ping":
        if (this.phase !== "ready") break;
        out.push({ type: "send", frame: { type: "ping" } }, { type: "set_timer", name: "answer", ms: PONG_LIMIT_MS });
        break;
      case "answer":
        this.#drop(out);
        this.#lost(out);
        break;
      case "command":
        if (this.#held.size > 0) {
          this.#held.clear();
          if (this.phase === "ready") this.#flush(out);
        } else {
          this.#drop(out);
          this.#lost(out);
        }
        break;
    }
  }

  #frame(frame: ServerFrame, out: Effect[]): void {
    // Anything that arrives proves that the connection lives.
    if (this.phase === "ready") {
      out.push({ type: "clear_timer", name: "answer" }, { type: "set_timer", name: "ping", ms: PING_EVERY_MS });
    }
    switch (frame.type) {
      case "welcome":
        this.#attempt = 0;
        this.#to("ready", out);
        out.push({ type: "clear_timer", name: "answer" }, { type: "set_timer", name: "ping", ms: PING_EVERY_MS });
        out.push({ type: "deliver", frame });
        this.#flush(out);
        break;
      case "pong":
        break;
      case "ack":
      case "nack":
        this.#answered(frame, out);
        break;
      case "bye":
        this.#bye(frame.code, frame.retry_ms ?? 0, out);
        break;
      case "error":
        this.#error(frame.error, out);
        break;
      default:
        out.push({ type: "deliver", frame });
    }
  }

  #answered(frame: Extract<ServerFrame, { type: "ack" | "nack" }>, out: Effect[]): void {
    const at = this.#queue.findIndex((q) => q.command.client_id === frame.client_id);
    const entry = this.#queue[at];
    if (entry === undefined) return;
    this.#flying.delete(entry.lane);
    if (frame.type === "nack" && PASSING.has(frame.error.code)) {
      this.#held.add(entry.lane);
      out.push({ type: "set_timer", name: "command", ms: retryMs(frame.error) });
      return;
    }
    this.#queue.splice(at, 1);
    if (this.#flying.size === 0 && this.#held.size === 0) out.push({ type: "clear_timer", name: "command" });
    if (frame.type === "ack") out.push({ type: "acked", command: entry.command, seq: frame.seq });
    else out.push({ type: "rejected", command: entry.command, error: frame.error });
    this.#flush(out);
  }

  #flush(out: Effect[]): void {
    for (const { command, lane } of this.#queue) {
      if (this.#flying.has(lane) || this.#held.has(lane)) continue;
      this.#flying.set(lane, command.client_id);
      out.push({ type: "send", frame: command });
      if (this.#held.size === 0) out.push({ type: "set_timer", name: "command", ms: COMMAND_LIMIT_MS });
    }
  }

  #bye(code: string, wishMs: number, out: Effect[]): void {
    this.#wishMs = wishMs;
    if (code === "token_expired") this.#renew(out);
    else if (FINAL.has(code)) this.#stop({ code, message: code }, out);
    else {
      this.#drop(out);
      this.#lost(out);
    }
  }

  #error(error: WireError, out: Effect[]): void {
    if (error.code === "token_expired") this.#renew(out);
    else if (FINAL.has(error.code) && this.phase !== "ready") this.#stop(error, out);
    else out.push({ type: "deliver", frame: { type: "error", error } });
  }

  #renew(out: Effect[]): void {
    this.#drop(out);
    this.#renewing = true;
    this.#to("connecting", out);
    out.push({ type: "renew_token" });
  }

  #stop(error: WireError, out: Effect[]): void {
    this.#drop(out);
    this.#to("stopped", out, error);
  }

  #clearTimers(out: Effect[]): void {
    for (const name of ["retry", "answer", "ping", "command"] as const) out.push({ type: "clear_timer", name });
  }
}
