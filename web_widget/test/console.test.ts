import assert from "node:assert/strict";
import { test } from "node:test";
import { actionFor } from "../src/console/keys";
import { sortItems } from "../src/console/queue_order";
import { confidenceWords, customerName, frustrationWords, refusal, waitShort } from "../src/console/words";
import type { InboxItem } from "../src/shared/protocol";

function item(id: string, more: Partial<InboxItem> = {}): InboxItem {
  return { conversation_id: id, state: "waiting", waiting_since: "2026-11-20T14:00:00.000Z", ...more };
}

function press(key: string, more: Partial<{ ctrlKey: boolean; metaKey: boolean; altKey: boolean }> = {}) {
  return { key, ctrlKey: false, metaKey: false, altKey: false, ...more };
}

test("longest waiting first, outages apart, mine and others' apart", () => {
  const lists = sortItems(
    [
      item("late", { waiting_since: "2026-11-20T14:05:00.000Z" }),
      item("early", { waiting_since: "2026-11-20T13:55:00.000Z" }),
      item("outage", { group: "bot_error", waiting_since: "2026-11-20T13:00:00.000Z" }),
      item("mine", { state: "agent", holder: { id: "me", name: "Me" } }),
      item("hers", { state: "agent", holder: { id: "her", name: "Her" } }),
      item("unknown", { waiting_since: null }),
    ],
    "me",
  );
  const ids = (items: InboxItem[]): string[] => items.map((i) => i.conversation_id);
  assert.deepEqual(ids(lists.waiting), ["early", "late", "unknown"]);
  assert.deepEqual(ids(lists.outage), ["outage"]);
  assert.deepEqual(ids(lists.mine), ["mine"]);
  assert.deepEqual(ids(lists.others), ["hers"]);
});

test("keys act only where nobody writes, and never with a modifier", () => {
  assert.equal(actionFor(press("c"), false, true), "claim");
  assert.equal(actionFor(press("c"), true, true), null);
  assert.equal(actionFor(press("c", { ctrlKey: true }), false, true), null);
  assert.equal(actionFor(press("c", { metaKey: true }), false, true), null);
  assert.equal(actionFor(press("?"), false, true), "help");
  assert.equal(actionFor(press("?"), false, false), null);
  assert.equal(actionFor(press("Escape"), true, false), "leave");
  assert.equal(actionFor(press("Escape"), false, true), null);
});

test("a loser is told who holds the chat", () => {
  assert.equal(refusal({ code: "already_claimed", message: "", data: { holder: { id: "1", name: "Priya Nair" } } }), "Priya Nair already has this chat.");
  assert.equal(refusal({ code: "already_claimed", message: "" }), "A colleague already has this chat.");
  assert.equal(refusal({ code: "something_new", message: "The server's words." }), "The server's words.");
});

test("waits as an agent reads them", () => {
  assert.deepEqual([0, 59_999, 60_000, 754_000, 3_600_000, 7_500_000, -5].map(waitShort), ["0 s", "59 s", "1:00 min", "12:34 min", "1 h 00", "2 h 05", "0 s"]);
});

test("scores in words", () => {
  assert.equal(confidenceWords({ confidence: 0.31, threshold: 0.62 }), "The best article was 31 % likely to be right, below the 62 % an answer needs.");
  assert.equal(confidenceWords({ confidence: null }), null);
  assert.equal(frustrationWords({ frustration: 0.7, frustration_threshold: 0.6 }), "Frustration was at 70 %, at or over the 60 % that calls a person.");
});

test("a customer without a name still has one", () => {
  assert.equal(customerName(item("c-12345678", { customer: { name: " Ada " } })), "Ada");
  assert.equal(customerName(item("c-12345678", { customer: { email: "a@b.example" } })), "a@b.example");
  assert.equal(customerName(item("c-12345678")), "Visitor 5678");
});
