import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { canaryRows, canarySays, wilson } from "../src/studio/canary";
import { confidenceSays, decisionWords, frustrationSays, languageSays, topSignals } from "../src/studio/deciding";
import { ended, leftWords, stageWords } from "../src/studio/jobs";
import { costWords, currencies } from "../src/studio/money";
import { takesIn } from "../src/studio/pages/train";
import { numberIn, ofHundred, pointAt, promiseWords } from "../src/studio/promise";
import type { Canary, CanaryFigures, Change, Group, Job } from "../src/studio/protocol";
import type { ReviewQuestion, RiskPoint, TurnDecision } from "../src/studio/protocol_teach";
import { agentAnswers, didWords, distinct, draftFrom, examWords, intentProblem, nextGroup, reasonsOf, settledWords } from "../src/studio/review_words";
import { VOICE_NAMES, voiceOf, VOICES } from "../src/studio/voices";

function plain(text: string): string {
  return text.replaceAll("\u00a0", " ");
}

function question(more: Partial<ReviewQuestion> = {}): ReviewQuestion {
  return {
    conversation_id: "c1",
    turn: 2,
    at: "2026-11-30T10:00:00Z",
    text: "do you ship to norway",
    kind: "unsure",
    reason: "low_confidence",
    confidence: 0.31,
    threshold: 0.72,
    best: { article_id: "delivery", title: "Delivery times" },
    helpful: null,
    agent_answer: null,
    ...more,
  };
}

function group(more: Partial<Group> = {}): Group {
  return { id: "g1", name: "do you ship abroad", size: 3, trend: [], last_at: "", minutes: 9, cost: 0, suggested: null, reasons: {}, examples: [], ...more };
}

function job(more: Partial<Job> = {}): Job {
  return {
    id: "j", kind: "train", state: "running", stage: "embed", done: 0, total: 0, message: "", asked_by: "Maya", asked_at: "", started_at: null, ended_at: null,
    seconds_left: null, release_id: null, error: null, ...more,
  };
}

test("what the bot did with a question, and how sure it was", () => {
  assert.equal(plain(didWords(question())), "Said it is not sure, closest: Delivery times (31 % sure, needs 72 %)");
  assert.equal(plain(didWords(question({ kind: "answer", confidence: 0.8 }))), "Answered: Delivery times (80 % sure, needs 72 %)");
  assert.equal(didWords(question({ kind: "escalate", confidence: null, best: null })), "Called a person");
});

test("reasons are told in one order, and those that are none are left out", () => {
  assert.deepEqual(
    reasonsOf(group({ reasons: { repeated: 2, unanswered: 5, thumbs_down: 0 } })).map(({ name, n }) => [name, n]),
    [["unanswered", 5], ["repeated", 2]],
  );
});

test("texts that differ in case and spaces are one", () => {
  assert.deepEqual(distinct(["  Do you ship? ", "do  you ship?", "", "and to Spain"]), ["Do you ship?", "and to Spain"]);
});

test("a draft begins with the fullest of the agents' answers", () => {
  const asked = [question({ agent_answer: "Yes." }), question({ text: "Do you ship to Norway", agent_answer: "We do, for 12 EUR." }), question({ agent_answer: "Yes." })];
  assert.deepEqual(agentAnswers(asked), ["We do, for 12 EUR.", "Yes."]);
  assert.deepEqual(draftFrom(group(), asked), { title: "Do you ship abroad", answer: "We do, for 12 EUR.", questions: ["do you ship to norway"], tags: [] });
  assert.equal(draftFrom(group(), [question()]).answer, "");
});

test("after a group comes the one that stood behind it, then the first, then none", () => {
  assert.equal(nextGroup(["a", "b", "c"], ["a", "c"], "b"), "c");
  assert.equal(nextGroup(["a", "b", "c"], ["a", "b"], "c"), "a");
  assert.equal(nextGroup(["a", "b", "c", "d"], ["a", "d"], "b"), "d");
  assert.equal(nextGroup(["a"], [], "a"), null);
  assert.equal(nextGroup([], ["z"], "unknown"), "z");
  assert.equal(nextGroup(["a", "b"], ["a", "b"], "a"), "b");
});

test("what was done is told with how many questions left the inbox", () => {
  assert.equal(settledWords({ how: "variants", article_id: "delivery" }, 12, "Delivery times"), "Added to “Delivery times”. 12 questions dealt with. Customers find it by them once it is published.");
  assert.equal(settledWords({ how: "dismiss" }, 0, null), "Dismissed.");
  assert.match(settledWords({ how: "article", article: { title: "Abroad", answer: "", questions: [], tags: [] } }, 1, null), /“Abroad” is saved as a draft. 1 question dealt with. Customers see nothing/);
});

test("names of intents that Rasa's files cannot hold are refused", () => {
  for (const name of ["", "Order", "order status", "1order", "order-status", "ä"]) assert.notEqual(intentProblem(name), null, name);
  assert.equal(intentProblem("order_status2"), null);
});

test("Wilson's interval at its ends and of nothing", () => {
  assert.deepEqual(wilson(0, 0), [0, 1]);
  const [low, high] = wilson(8, 10);
  assert.ok(Math.abs(low - 0.4902) < 1e-3 && Math.abs(high - 0.9433) < 1e-3, `${low} ${high}`);
  assert.equal(wilson(0, 20)[0], 0);
  assert.equal(wilson(20, 20)[1], 1);
});

function figures(more: Partial<CanaryFigures> = {}): CanaryFigures {
  return { conversations: 400, turns: 1000, answered: 700, clarified: 80, unsure: 120, handed_over: 60, thumbs_up: 50, thumbs_down: 10, ...more };
}

function trial(canary: Partial<CanaryFigures>): Canary {
  return { id: "k", release_id: "r2", against: "r1", share: 0.1, since: "", by: "Maya", figures: { canary: figures(canary), live: figures() } };
}

test("a canary's figures lean by what more of them means, and chance is called chance", () => {
  assert.equal(canarySays(trial({ turns: 20 })), "Too early to tell: the canary has had 20 turns.");
  assert.equal(canarySays(trial({ answered: 705 })), "No difference so far that could not be chance.");
  assert.equal(canarySays(trial({ answered: 800, unsure: 40 })), "The canary does better: it answers more, it is unsure less often.");
  assert.equal(canarySays(trial({ handed_over: 120 })), "The canary does worse: it hands over more.");
  const [answered, asked] = canaryRows(trial({ answered: 800, clarified: 200 }));
  assert.deepEqual([answered?.lean, answered?.sure, answered?.change], ["better", true, "+10 points"]);
  // Asking back more is neither good nor bad by itself.
  assert.deepEqual([asked?.lean, asked?.sure], ["same", true]);
});

test("a side of which there is nothing is left open", () => {
  const row = canaryRows(trial({ thumbs_up: 0, thumbs_down: 0 })).at(-1);
  assert.deepEqual([row?.a, row?.sure, row?.lean], [null, false, "same"]);
});

const CURVE: RiskPoint[] = [
  { risk: 0.01, threshold: 0.9, coverage: 0.5, wrong: 0.009 },
  { risk: 0.02, threshold: 0.8, coverage: 0.7, wrong: 0.018 },
  { risk: 0.05, threshold: 0.6, coverage: 0.85, wrong: 0.045 },
];

test("a promise is told by the point that promises no more", () => {
  assert.equal(pointAt(CURVE, 0.03)?.risk, 0.02);
  assert.equal(pointAt(CURVE, 0.005), null);
  assert.equal(ofHundred(0.02), "2 of 100");
  assert.equal(ofHundred(0.005), "5 of 1,000");
  assert.equal(plain(promiseWords(CURVE, 0.02, 0.02)), "At most 2 of 100 answers may be wrong. Of the questions that have an article, a release trained so answers about 70 % alone; an answer needs a confidence of 80 %.");
  assert.match(promiseWords(CURVE, 0.05, 0.02), /15 in a hundred more than with the saved setting/);
  assert.match(promiseWords(CURVE, 0.01, 0.02), /20 in a hundred fewer than with the saved setting/);
  assert.match(promiseWords(CURVE, 0.001, 0.02), /every question would go to a person/);
  assert.match(promiseWords(null, 0.02, 0.02), /known once a release is live/);
});

test("numbers as people write them", () => {
  assert.equal(numberIn(" 0,60 ", 0, 10), 0.6);
  assert.equal(numberIn("6", 0, 240), 6);
  for (const text of ["", "-1", "6x", "1e3", "241", "."]) assert.equal(numberIn(text, 0, 240), null, text);
});

test("money only where it is known what a minute costs", () => {
  assert.equal(costWords(0, {}), null);
  assert.equal(costWords(34.5, {}), "cost 34.50");
  assert.equal(costWords(34.5, { currency: "EUR" }), "€34.50");
});

test("a training says what it takes in", () => {
  const change = (of: Change["change"], status: Change["status"] = "ready"): Change => ({ id: of, title: of, change: of, status, fields: [], by: "", at: "" });
  assert.equal(takesIn([change("new"), change("changed"), change("changed"), change("new", "draft")], 1, 20), "Takes in 3 articles that customers do not have yet: 1 new, 2 changed. 1 draft stays out.");
  assert.match(takesIn([], 0, 20), /all 20 articles that are ready once more/);
  assert.match(takesIn(null, 2, null), /all articles that are ready/);
});

test("a job's stage in words, also one that has none of ours", () => {
  assert.equal(stageWords(job()), "Reading every question");
  assert.equal(stageWords(job({ stage: "fine-tune 2 of 4" })), "Learning how your customers say things");
  assert.equal(stageWords(job({ stage: "something_new" })), "Something new");
  assert.equal(stageWords(job({ state: "queued" })), "Waiting for its turn");
  assert.equal(stageWords(job({ cancelling: true })), "Ending");
  assert.equal(leftWords(job({ seconds_left: 95 })), "About 2 minutes left");
  assert.equal(leftWords(job()), "");
  assert.deepEqual((["queued", "running", "done", "failed", "cancelled"] as const).map((state) => ended(job({ state }))), [false, false, true, true, true]);
});

function decision(more: Partial<TurnDecision> = {}): TurnDecision {
  return {
    kind: "answer", reason: "confident", confidence: 0.9, threshold: 0.72, answerable: 0.95, frustration: 0.2, frustration_threshold: 0.6, signals: [], intent: null,
    passages: [{ article_id: "returns", title: "Returns", score: 0.9 }], ...more,
  };
}

test("a decision in words, with every score beside what it has to reach", () => {
  assert.equal(decisionWords(decision()).title, "It answered with “Returns”");
  assert.equal(decisionWords(decision({ kind: "escalate", reason: "frustration" })).title, "It would call a person: the customer is frustrated");
  assert.equal(plain(confidenceSays(decision())), "It is 90 % sure of the first article, enough for the 72 % that an answer needs. That any article answers it is 95 % likely.");
  assert.equal(plain(confidenceSays(decision({ confidence: 0.2, answerable: null }))), "It is 20 % sure of the first article, less than the 72 % that an answer needs.");
  assert.match(frustrationSays(decision({ frustration: 0.6 })), /over the/);
  assert.match(frustrationSays(decision()), /under the/);
});

test("the signals that count most, whichever way, without what is as good as nothing", () => {
  const signals = [["a", 0.1], ["b", -0.4], ["c", 0.001], ["d", 0.2], ["e", 0.3]].map(([name, weight]) => ({ name: String(name), weight: Number(weight) }));
  assert.deepEqual(topSignals(decision({ signals })).map((s) => s.name), ["b", "e", "d"]);
});

test("the language of a message", () => {
  assert.equal(languageSays({ found: "en", covered: true, locale: "en-GB" }), "English, looked up in the English articles.");
  assert.equal(languageSays({ found: "pt", covered: false, locale: "en" }), "Portuguese: no article covers it.");
  assert.equal(languageSays(null), null);
});

test("each voice is shown with words that the bot really says", () => {
  const said = readFileSync("../bot/texts/en.yml", "utf8");
  const at = { formal: said.indexOf("\ntexts:"), casual: said.lastIndexOf("\n  casual:\n    utter_") };
  for (const voice of VOICE_NAMES) {
    const place = said.indexOf(VOICES[voice].example);
    assert.ok(place > at[voice], voice);
    assert.equal(place > at.casual, voice === "casual");
  }
  assert.equal(voiceOf("formal"), "formal");
  assert.equal(voiceOf("shouting"), null);
  assert.equal(voiceOf(null), null);
});

test("what was taught though the exam asks it is said", () => {
  assert.equal(examWords([]), null);
  assert.match(examWords(["Any fee?"]) ?? "", /^“Any fee\?” stands in the exam/);
  assert.match(examWords(["a", "b", "c"]) ?? "", /^“a” and 2 more texts stand in/);
});

test("currencies to choose from have names, frequent ones first, each once", () => {
  const all = currencies("XQZ");
  assert.deepEqual(all[0], { code: "EUR", name: "Euro" });
  assert.equal(new Set(all.map(({ code }) => code)).size, all.length);
  assert.ok(all.some(({ code }) => code === "JPY"));
  assert.deepEqual(all.at(-1), { code: "XQZ", name: "XQZ" });
});
