import assert from "node:assert/strict";
import { test } from "node:test";
import answered from "../fixtures/answered.json";
import closedAndBack from "../fixtures/closed_and_back.json";
import escalatedAgent from "../fixtures/escalated_agent.json";
import escalatedCustomer from "../fixtures/escalated_customer.json";
import outage from "../fixtures/outage.json";
import type { BatonEvent } from "../src/shared/protocol";
import { applyEvent, emptyView, type View } from "../src/shared/view";

interface Fixture {
  name: string;
  audience: string;
  events: unknown[];
  view: unknown;
}

const fixtures: Fixture[] = [answered, closedAndBack, escalatedAgent, escalatedCustomer, outage];

function fold(events: readonly BatonEvent[], from: View = emptyView()): View {
  return events.reduce(applyEvent, from);
}

function base(seq: number, kind: BatonEvent["kind"], actor: BatonEvent["actor"], data: unknown): BatonEvent {
  return { seq, prev: seq - 1, id: `e${seq}`, at: "2026-11-20T14:02:11.000Z", kind, actor, data } as BatonEvent;
}

for (const fixture of fixtures) {
  const events = fixture.events as BatonEvent[];

  test(`fixture: ${fixture.name}`, () => {
    assert.deepEqual(JSON.parse(JSON.stringify(fold(events))), fixture.view);
  });

  test(`a snapshot with the rest applied equals the whole: ${fixture.name}`, () => {
    for (let cut = 0; cut <= events.length; cut += 1) {
      const snapshot = fold(events.slice(0, cut));
      const frozen = JSON.stringify(snapshot);
      assert.deepEqual(fold(events.slice(cut), snapshot), fold(events));
      assert.equal(JSON.stringify(snapshot), frozen, "a view is never changed in place");
    }
  });

  test(`the fixture's events prove their order: ${fixture.name}`, () => {
    let held = 0;
    for (const event of events) {
      assert.equal(event.prev, held);
      held = event.seq;
    }
  });
}

test("choices are on offer until somebody speaks or the owner changes", () => {
  const customer = { type: "customer" } as const;
  const offered = fold([base(1, "bot.replied", { type: "bot" }, { turn: 1, text: "?", choices: [{ id: "x", label: "X" }] })]);
  assert.equal(offered.offer?.seq, 1);
  assert.equal(applyEvent(offered, base(2, "customer.said", customer, { text: "x" })).offer, null);
  assert.equal(applyEvent(offered, base(2, "handoff.requested", customer, { handoff_id: "h", reason: "asked" })).offer, null);
  assert.equal(applyEvent(offered, base(2, "conversation.closed", customer, { by: "customer" })).offer, null);
  assert.equal(applyEvent(offered, base(2, "bot.replied", { type: "bot" }, { turn: 1, text: "!" })).offer, null);
});

test("redacted words are gone, their place stays", () => {
  const view = fold([
    base(1, "customer.said", { type: "customer" }, { text: "my card is 4111" }),
    base(2, "message.redacted", { type: "system" }, { seq: 1 }),
  ]);
  assert.equal(view.entries.length, 1);
  assert.equal((view.entries[0] as { text: string }).text, "");
});

test("a kind from a later server only moves the cursor", () => {
  const before = fold([base(1, "customer.said", { type: "customer" }, { text: "hi" })]);
  const after = applyEvent(before, { ...base(2, "customer.rated", { type: "customer" }, {}), kind: "case.opened" } as unknown as BatonEvent);
  assert.deepEqual(after, { ...before, cursor: 2 });
});

test("a lease that ran out puts the customer back into the queue", () => {
  const agent = { type: "agent", id: "u1", name: "Maya" } as const;
  const held = fold([base(1, "handoff.requested", { type: "bot" }, { handoff_id: "h", reason: "asked" }), base(2, "agent.joined", agent, {})]);
  assert.deepEqual([held.state, held.holder], ["agent", { id: "u1", name: "Maya" }]);
  const left = applyEvent(held, base(3, "agent.left", agent, { reason: "lease_expired" }));
  assert.deepEqual([left.state, left.holder, left.waiting_since], ["waiting", null, "2026-11-20T14:02:11.000Z"]);
});
