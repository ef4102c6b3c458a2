import assert from "node:assert/strict";
import { test } from "node:test";
import { publishedWords } from "../src/studio/changes/words";
import type { Plan } from "../src/studio/protocol";

const PLAN: Plan = { id: "pln_1", action: "publish_articles", subject: "returns", params: {}, why: null, by: "Edda", at: "2026-11-30T08:00:00.000Z", ended_at: null, problem: null, due_at: "2026-12-01T08:00:00.000Z", state: "due" };

test("customers are said to get what every bot has confirmed, and nothing else", () => {
  assert.equal(publishedWords("Published", { live: true }), "Published. Customers get it now.");
  assert.equal(publishedWords("3 changes published", { live: true }, "them"), "3 changes published. Customers get them now.");
  for (const answer of [{ live: false }, {}]) assert.equal(publishedWords("Published", answer), "Published; the bot takes it up in a moment.");
});

test("what is planned is not said to be there", () => {
  assert.match(publishedWords("Published", { plan: PLAN }), /^Planned: customers get it from .+ on\.$/);
  assert.match(publishedWords("Published", { plan: { ...PLAN, state: "asked" } }), /^Asked: /);
});
