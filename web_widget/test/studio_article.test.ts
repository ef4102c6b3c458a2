import assert from "node:assert/strict";
import { test } from "node:test";
import { momentWords, toLocal, toUtc, validity, validityWords } from "../src/studio/dates";
import { isDraft } from "../src/studio/drafts";
import { asContent, changedFields, cleaned, EMPTY, fieldNames, sameContent, type Written } from "../src/studio/fields";
import { disputed, mergeLists, resolve } from "../src/studio/merge";
import { sortAdvice } from "../src/studio/editor/advice";
import type { Warning } from "../src/studio/protocol";

function written(part: Partial<Written> = {}): Written {
  return { ...EMPTY, title: "How do I return an order?", answer: "Within 30 days.", questions: ["returns"], tags: ["orders"], ...part };
}

// --- merging ---

test("what one side alone changed is that side's", () => {
  const base = written();
  const mine = written({ title: "Returns?" });
  const theirs = written({ answer: "Within 60 days.", owner: "Jonas" });
  assert.deepEqual(resolve(base, mine, theirs, {}), written({ title: "Returns?", answer: "Within 60 days.", owner: "Jonas" }));
  assert.deepEqual(disputed(base, mine, theirs), []);
});

test("a choice decides a field that both changed, and only that field", () => {
  const base = written();
  const mine = written({ title: "Mine", answer: "My answer." });
  const theirs = written({ title: "Theirs", answer: "Their answer." });
  assert.deepEqual(disputed(base, mine, theirs), ["title", "answer"]);
  const saved = resolve(base, mine, theirs, { title: "theirs", answer: "mine" });
  assert.equal(saved.title, "Theirs");
  assert.equal(saved.answer, "My answer.");
});

test("both wrote the same: nothing to dispute", () => {
  assert.deepEqual(disputed(written(), written({ title: "X" }), written({ title: "X" })), []);
});

test("of lists that both changed every addition and every removal counts", () => {
  assert.deepEqual(mergeLists(["a", "b", "c"], ["a", "c", "mine"], ["b", "c", "theirs"]), ["c", "theirs", "mine"]);
  assert.deepEqual(mergeLists([], ["x"], ["x"]), ["x"]);
  const both = resolve(written(), written({ questions: ["returns", "mine"] }), written({ questions: ["returns", "theirs"] }), {});
  assert.deepEqual(both.questions, ["returns", "theirs", "mine"]);
});

test("a choice about a list takes it whole", () => {
  const sides = [written(), written({ tags: ["mine"] }), written({ tags: ["theirs"] })] as const;
  assert.deepEqual(resolve(...sides, { tags: "theirs" }).tags, ["theirs"]);
  assert.deepEqual(resolve(...sides, { tags: "mine" }).tags, ["mine"]);
});

// --- fields ---

test("an article is as saved when it differs in spaces and empty lines alone", () => {
  const form = written({ title: "  How do I return an order? ", questions: ["returns ", "", "  "], owner: " " });
  assert.deepEqual(changedFields(written(), cleaned(form)), []);
  assert.deepEqual(changedFields(written(), cleaned({ ...form, status: "draft" })), ["status"]);
});

test("customers get the same whoever owns it", () => {
  const live = asContent({ id: "a", title: "T", answer: "A" });
  assert.deepEqual([live.valid_from, live.questions], [null, []]);
  assert.equal(sameContent(live, asContent({ id: "a", title: "T", answer: "A", valid_from: null })), true);
  assert.equal(sameContent(live, asContent({ id: "a", title: "T", answer: "A", valid_until: "2026-12-01T00:00:00Z" })), false);
  assert.equal(sameContent(live, asContent({ id: "a", title: "T", answer: "A", questions: ["q"] })), false);
});

test("fields in a sentence", () => {
  assert.equal(fieldNames([]), "");
  assert.equal(fieldNames(["questions"]), "Variants");
  assert.equal(fieldNames(["title", "answer", "valid_from"]), "Title, answer and valid from");
});

test("only what is whole is offered as a draft", () => {
  assert.equal(isDraft({ article: written(), version: 3, at: "2026-11-30T10:00:00Z" }), true);
  for (const spoilt of [null, "x", {}, { article: null, version: 1, at: "" }, { article: { ...written(), questions: "x" }, version: 1, at: "" }, { article: { title: "x" }, version: 1, at: "" }])
    assert.equal(isDraft(spoilt), false);
});

// --- dates ---

test("a moment goes to the field and back", () => {
  for (const utc of ["2026-12-01T00:00:00Z", "2026-06-30T23:59:00Z", "2027-02-28T12:30:00Z"]) assert.equal(toUtc(toLocal(utc)), utc);
  assert.equal(toLocal(null), "");
  assert.equal(toLocal("no date"), "");
  assert.equal(toUtc(""), null);
  assert.equal(toUtc("2026-12"), null);
  assert.equal(toUtc("2026-13-45T99:99"), null);
});

test("times are the editor's own", () => {
  const zone = process.env.TZ;
  process.env.TZ = "Europe/Berlin";
  try {
    assert.equal(toLocal("2026-12-01T08:00:00Z"), "2026-12-01T09:00");
    assert.equal(toUtc("2026-07-01T00:00"), "2026-06-30T22:00:00Z");
    // The clocks skip 02:00 to 03:00 that night.
    assert.equal(toUtc("2026-03-29T02:30"), "2026-03-29T01:30:00Z");
    assert.match(momentWords("2026-12-01T08:00:00Z"), /Tue.*1 December 2026.*09:00/);
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

test("when an article holds, in words", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  const [past, soon, later] = ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "2026-12-24T00:00:00Z"];
  assert.equal(validity(null, null, now), "always");
  assert.equal(validity(past, null, now), "now");
  assert.equal(validity(past, later, now), "now");
  assert.equal(validity(soon, later, now), "later");
  assert.equal(validity(null, past, now), "over");
  assert.equal(validity(later, soon, now), "never");
  assert.equal(validity(soon, soon, now), "never");
  // It ends with the second that is named.
  assert.equal(validity(null, "2026-11-30T12:00:00Z", now), "over");
  assert.match(validityWords(soon, later, now), /^Customers find it from .* until .*\.$/);
  assert.match(validityWords(later, soon, now), /before it begins/);
});

// --- advice ---

test("advice stands beside the words it is about", () => {
  const warning = (part: Partial<Warning>): Warning => ({ code: "x", message: "m", field: "questions", index: null, severity: "warning", other: null, ...part });
  const other = { article_id: "b", title: "B", text: "t", score: 0.9 };
  const { lines, fields } = sortAdvice(
    [
      warning({ index: 1, other }),
      warning({ index: 1, message: "n", severity: "note", other: { ...other, article_id: "own" } }),
      warning({ field: "answer", message: "broken" }),
      warning({ message: "few" }),
      warning({ index: 99, message: "lost" }),
      warning({ index: 0, code: "repeated" }),
    ],
    ["one", "two"],
    "own",
  );
  assert.deepEqual([...lines.keys()], ["two"]);
  assert.deepEqual(lines.get("two"), [
    { tone: "warning", text: "m", article: { id: "b", title: "B" } },
    // What concerns the article itself links nowhere.
    { tone: "note", text: "n", article: null },
  ]);
  assert.deepEqual(fields.get("answer")?.map(({ text }) => text), ["broken"]);
  assert.deepEqual(fields.get("questions")?.map(({ text }) => text), ["few", "lost"]);
});
