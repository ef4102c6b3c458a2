import assert from "node:assert/strict";
import { test } from "node:test";
import { type Effect, type Input, Link, type Phase } from "../src/shared/link";
import type { ClientFrame, Command, ServerFrame } from "../src/shared/protocol";

const WELCOME: ServerFrame = { type: "welcome", seq: 0 };

function say(id: string): Command {
  return { type: "say", client_id: id, text: id };
}

/** A link with what it did, and the shortest way to talk to it. */
class Bench {
  readonly link: Link;
  readonly effects: Effect[] = [];

  constructor(random = () => 1, restored: Command[] = []) {
    this.link = new Link(
      random,
      restored.map((command) => ({ command, lane: "a" })),
    );
  }

  do(...inputs: Input[]): Effect[] {
    const out = inputs.flatMap((input) => this.link.handle(input));
    this.effects.push(...out);
    return out;
  }

  ready(): this {
    this.do({ type: "start" }, { type: "opened" }, { type: "frame", frame: WELCOME });
    return this;
  }

  submit(id: string, lane = "a"): Effect[] {
    return this.do({ type: "submit", command: say(id), lane });
  }

  ack(id: string): Effect[] {
    return this.do({ type: "frame", frame: { type: "ack", client_id: id, seq: 1 } });
  }

  nack(id: string, code: string, data = {}): Effect[] {
    return this.do({ type: "frame", frame: { type: "nack", client_id: id, error: { code, message: code, data } } });
  }
}

function sent(effects: readonly Effect[]): ClientFrame[] {
  return effects.flatMap((e) => (e.type === "send" ? [e.frame] : []));
}

function said(effects: readonly Effect[]): unknown[] {
  return sent(effects).flatMap((f) => (f.type === "say" ? [f.client_id] : []));
}

function phases(effects: readonly Effect[]): Phase[] {
  return effects.flatMap((e) => (e.type === "phase" ? [e.phase] : []));
}

function timer(effects: readonly Effect[], name: string): number | undefined {
  return effects.findLast((e) => e.type === "set_timer" && e.name === name) === undefined
    ? undefined
    : (effects.findLast((e) => e.type === "set_timer" && e.name === name) as { ms: number }).ms;
}

test("starts, says hello once the socket is open, and is ready at the welcome", () => {
  const bench = new Bench();
  assert.deepEqual(phases(bench.do({ type: "start" })), ["connecting"]);
  assert.ok(bench.do({ type: "opened" }).some((e) => e.type === "hello"));
  const out = bench.do({ type: "frame", frame: WELCOME });
  assert.deepEqual(phases(out), ["ready"]);
  assert.ok(out.some((e) => e.type === "deliver" && e.frame === WELCOME));
});

test("what was submitted before the connection is sent after the welcome, which is delivered first", () => {
  const bench = new Bench();
  bench.submit("one");
  bench.do({ type: "start" }, { type: "opened" });
  const out = bench.do({ type: "frame", frame: WELCOME });
  assert.deepEqual(said(out), ["one"]);
  assert.ok(out.findIndex((e) => e.type === "deliver") < out.findIndex((e) => e.type === "send"));
});

test("one command of a lane at a time, lanes beside each other", () => {
  const bench = new Bench().ready();
  assert.deepEqual(said(bench.submit("a1")), ["a1"]);
  assert.deepEqual(said(bench.submit("a2")), []);
  assert.deepEqual(said(bench.submit("b1", "b")), ["b1"]);
  const out = bench.ack("a1");
  assert.deepEqual(said(out), ["a2"]);
  assert.ok(out.some((e) => e.type === "acked" && e.command.client_id === "a1"));
});

test("after a lost connection the unacknowledged are sent again, same ids, same order", () => {
  const bench = new Bench().ready();
  bench.submit("a1");
  bench.submit("a2");
  assert.deepEqual(phases(bench.do({ type: "closed" })), ["waiting"]);
  bench.submit("a3");
  bench.do({ type: "timer", name: "retry" }, { type: "opened" });
  assert.deepEqual(said(bench.do({ type: "frame", frame: WELCOME })), ["a1"]);
  assert.deepEqual(said(bench.ack("a1")), ["a2"]);
  assert.deepEqual(said(bench.ack("a2")), ["a3"]);
  bench.ack("a3");
  assert.deepEqual(bench.link.queue, []);
});

test("an ack that comes twice, or for nothing of ours, changes nothing", () => {
  const bench = new Bench().ready();
  bench.submit("a1");
  bench.ack("a1");
  assert.ok(!bench.ack("a1").some((e) => e.type === "acked"));
  assert.ok(!bench.ack("other").some((e) => e.type === "acked"));
});

test("a refusal is told and the next command goes", () => {
  const bench = new Bench().ready();
  bench.submit("a1");
  bench.submit("a2");
  const out = bench.nack("a1", "not_holder");
  assert.ok(out.some((e) => e.type === "rejected" && e.error.code === "not_holder"));
  assert.deepEqual(said(out), ["a2"]);
});

test("a passing refusal keeps the command first in its lane and waits as long as asked", () => {
  const bench = new Bench().ready();
  bench.submit("a1");
  bench.submit("a2");
  const out = bench.nack("a1", "rate_limited", { retry_ms: 3_000 });
  assert.deepEqual(said(out), []);
  assert.equal(timer(out, "command"), 3_000);
  assert.ok(!out.some((e) => e.type === "rejected"));
  assert.deepEqual(said(bench.do({ type: "timer", name: "command" })), ["a1"]);
  assert.deepEqual(said(bench.ack("a1")), ["a2"]);
});

test("retries grow, are jittered, and start small again after a welcome", () => {
  const waits = (random: number): (number | undefined)[] => {
    const bench = new Bench(() => random);
    bench.do({ type: "start" });
    return Array.from({ length: 9 }, () => {
      const ms = timer(bench.do({ type: "closed" }), "retry");
      bench.do({ type: "timer", name: "retry" });
      return ms;
    });
  };
  assert.deepEqual(waits(1), [400, 800, 1600, 3200, 6400, 12_800, 20_000, 20_000, 20_000]);
  assert.deepEqual(waits(0), [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
  const bench = new Bench();
  bench.do({ type: "start" }, { type: "closed" }, { type: "timer", name: "retry" }, { type: "closed" }, { type: "timer", name: "retry" });
  bench.do({ type: "opened" }, { type: "frame", frame: WELCOME });
  assert.equal(timer(bench.do({ type: "closed" }), "retry"), 400);
});

test("a bye is waited out as long as the server wishes", () => {
  const bench = new Bench(() => 0).ready();
  const out = bench.do({ type: "frame", frame: { type: "bye", code: "shutting_down", retry_ms: 4_000 } });
  assert.deepEqual(phases(out), ["waiting"]);
  assert.ok((timer(out, "retry") ?? 0) >= 4_000);
});

test("a final bye stops it", () => {
  for (const code of ["revoked", "unauthorized", "too_many_sockets"]) {
    const bench = new Bench().ready();
    assert.deepEqual(phases(bench.do({ type: "frame", frame: { type: "bye", code } })), ["stopped"]);
    assert.deepEqual(phases(bench.do({ type: "wake" })), []);
  }
});

test("an unknown conversation at hello stops it and says why", () => {
  const bench = new Bench();
  bench.do({ type: "start" }, { type: "opened" });
  const out = bench.do({ type: "frame", frame: { type: "error", error: { code: "not_found", message: "" } } });
  assert.ok(out.some((e) => e.type === "phase" && e.phase === "stopped" && e.error?.code === "not_found"));
});

test("an error while ready is the user's business", () => {
  const bench = new Bench().ready();
  const out = bench.do({ type: "frame", frame: { type: "error", error: { code: "not_found", message: "" } } });
  assert.deepEqual(phases(out), []);
  assert.ok(out.some((e) => e.type === "deliver"));
});

test("an expired token is renewed once, then the connection comes back", () => {
  const bench = new Bench();
  bench.do({ type: "start" }, { type: "opened" });
  const out = bench.do({ type: "frame", frame: { type: "error", error: { code: "token_expired", message: "" } } });
  assert.ok(out.some((e) => e.type === "renew_token"));
  assert.deepEqual(bench.do({ type: "closed" }).filter((e) => e.type !== "clear_timer"), []);
  assert.ok(bench.do({ type: "token_renewed" }).some((e) => e.type === "connect"));
  assert.deepEqual(bench.do({ type: "token_renewed" }), []);
});

test("a token that cannot be renewed stops it; a server that cannot be reached does not", () => {
  const expired = (code: string): Phase[] => {
    const bench = new Bench();
    bench.do({ type: "start" }, { type: "opened" });
    bench.do({ type: "frame", frame: { type: "error", error: { code: "token_expired", message: "" } } });
    return phases(bench.do({ type: "token_lost", error: { code, message: "" } }));
  };
  assert.deepEqual(expired("token_expired"), ["stopped"]);
  assert.deepEqual(expired("unreachable"), ["waiting"]);
});

test("a page that wakes up tries at once while it waits, and asks when it believes to be connected", () => {
  const bench = new Bench();
  bench.do({ type: "start" }, { type: "closed" });
  assert.ok(bench.do({ type: "wake" }).some((e) => e.type === "connect"));
  bench.do({ type: "opened" }, { type: "frame", frame: WELCOME });
  const out = bench.do({ type: "wake" });
  assert.deepEqual(sent(out), [{ type: "ping" }]);
  assert.ok((timer(out, "answer") ?? Infinity) <= 3_000);
  assert.deepEqual(phases(bench.do({ type: "timer", name: "answer" })), ["waiting"]);
});

test("any frame proves life: the answer is not awaited any more", () => {
  const bench = new Bench().ready();
  bench.do({ type: "timer", name: "ping" });
  const out = bench.do({ type: "frame", frame: { type: "pong" } });
  assert.ok(out.some((e) => e.type === "clear_timer" && e.name === "answer"));
  assert.notEqual(timer(out, "ping"), undefined);
});

test("a command that nobody answers makes it reconnect", () => {
  const bench = new Bench().ready();
  bench.submit("a1");
  assert.deepEqual(phases(bench.do({ type: "timer", name: "command" })), ["waiting"]);
});

test("a gap makes it reconnect; hello then carries the cursor", () => {
  const bench = new Bench().ready();
  const out = bench.do({ type: "resync" });
  assert.ok(out.some((e) => e.type === "disconnect"));
  bench.do({ type: "timer", name: "retry" });
  assert.ok(bench.do({ type: "opened" }).some((e) => e.type === "hello"));
});

test("a welcome that does not come is not awaited for ever", () => {
  const bench = new Bench();
  bench.do({ type: "start" }, { type: "opened" });
  assert.deepEqual(phases(bench.do({ type: "timer", name: "answer" })), ["waiting"]);
});

test("stopped by its user it is silent, and nothing restarts it but a start", () => {
  const bench = new Bench().ready();
  assert.deepEqual(phases(bench.do({ type: "stop" })), ["idle"]);
  assert.deepEqual(phases(bench.do({ type: "wake" }, { type: "closed" }, { type: "timer", name: "retry" })), []);
});

test("commands kept over a reload are sent first", () => {
  const bench = new Bench(() => 1, [say("kept")]);
  bench.submit("new");
  bench.do({ type: "start" }, { type: "opened" });
  assert.deepEqual(said(bench.do({ type: "frame", frame: WELCOME })), ["kept"]);
  assert.deepEqual(said(bench.ack("kept")), ["new"]);
});

test("however the connection breaks, the server takes every command once and in order", () => {
  let seed = 11;
  const next = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (seed >> 8) % n;
  };
  for (let round = 0; round < 300; round += 1) {
    const link = new Link(() => 0.5);
    const log: string[] = [];
    const wanted: string[] = [];
    const server = { acks: [] as string[], up: false };
    const down = (): void => {
      server.acks = [];
      server.up = false;
    };
    const ack = (): void => run({ type: "frame", frame: { type: "ack", client_id: server.acks.shift() ?? "", seq: 1 } });
    const run = (input: Input): void => {
      for (const effect of link.handle(input)) {
        if (effect.type === "disconnect") down();
        if (effect.type === "send" && effect.frame.type === "say") {
          const id = String(effect.frame.client_id);
          // The server's promise P2: a repeat is the same command.
          if (!log.includes(id)) log.push(id);
          server.acks.push(id);
        }
      }
    };
    const connect = (): void => {
      run({ type: "timer", name: "retry" });
      run({ type: "opened" });
      run({ type: "frame", frame: WELCOME });
      server.up = true;
    };
    run({ type: "start" });
    connect();
    for (let step = 0; step < 40; step += 1) {
      const what = next(5);
      if (what < 2) {
        const id = `c${wanted.length}`;
        wanted.push(id);
        run({ type: "submit", command: say(id), lane: "a" });
      } else if (what === 2 && server.acks.length > 0) ack();
      else if (what === 3 && server.up) {
        down();
        run({ type: "closed" });
      } else if (!server.up) connect();
    }
    if (!server.up) connect();
    while (server.acks.length > 0) ack();
    assert.deepEqual(log, wanted);
    assert.deepEqual(link.queue, []);
  }
});
