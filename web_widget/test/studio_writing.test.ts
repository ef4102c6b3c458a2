import assert from "node:assert/strict";
import { test } from "node:test";
import { applyTool, type Tool } from "../src/studio/markdown_edit";
import { tooMuch, VARIANTS } from "../src/studio/limits";
import { duplicates, inView, lineKey, linesOf } from "../src/studio/variants";

/** `|` marks both ends of the selection. */
function run(tool: Tool, marked: string): string {
  const start = marked.indexOf("|");
  const end = marked.lastIndexOf("|") - 1;
  const text = marked.replaceAll("|", "");
  const edit = applyTool(tool, text, start, Math.max(start, end));
  const out = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
  return `${out.slice(0, edit.start)}|${out.slice(edit.start, edit.end)}|${out.slice(edit.end)}`;
}

test("marks go around the words, not around the spaces beside them, and off again", () => {
  assert.equal(run("bold", "make |this| bold"), "make **|this|** bold");
  assert.equal(run("bold", "make| this |bold"), "make **|this|** bold");
  assert.equal(run("bold", "make **|this|** bold"), "make |this| bold");
  assert.equal(run("bold", "make |**this**| bold"), "make |this| bold");
  assert.equal(run("italic", "|word|"), "*|word|*");
  assert.equal(run("italic", "*|word|*"), "|word|");
  assert.equal(run("italic", "**|word|**"), "***|word|***");
});

test("without a selection there is something to write over", () => {
  assert.equal(run("bold", "a ||"), "a **|bold words|**");
  assert.equal(run("heading", "||"), "## |Heading|");
  assert.equal(run("bullets", "||"), "- |First point|");
});

test("lists and headings take whole lines, and one tool takes the place of another", () => {
  assert.equal(run("bullets", "one\nt|wo\nthr|ee\nfour"), "one\n|- two\n- three|\nfour");
  assert.equal(run("bullets", "|- one\n- two|"), "|one\ntwo|");
  assert.equal(run("numbers", "|- one\n\n- two|"), "|1. one\n\n2. two|");
  assert.equal(run("numbers", "|1. one\n2. two|"), "|one\ntwo|");
  assert.equal(run("heading", "|Title|\nrest"), "|## Title|\nrest");
  assert.equal(run("heading", "|## Title|"), "|Title|");
});

test("a link asks for what is missing: the address, or the words", () => {
  assert.equal(run("link", "see |our shop|"), "see [our shop](|https://|)");
  assert.equal(run("link", "|https://shop.example/a|"), "[|words|](https://shop.example/a)");
  assert.equal(run("link", "||"), "[words](|https://|)");
});

test("a pasted list becomes lines, whatever it was a list of", () => {
  assert.deepEqual(linesOf("one\r\n\r\n  two \n- three\n* four\n• five\n12. six\n3) seven\n"), ["one", "two", "three", "four", "five", "six", "seven"]);
  assert.deepEqual(linesOf("3.5 mm plug\n-5 degrees\n24/7 support"), ["3.5 mm plug", "-5 degrees", "24/7 support"]);
  assert.deepEqual(linesOf("\n \n"), []);
});

test("the same question in other letters is the same", () => {
  assert.equal(lineKey("Where is  my ORDER?!"), lineKey("where is my order"));
  assert.notEqual(lineKey("where is my order"), lineKey("where is your order"));
  assert.equal(lineKey("أين طلبي؟"), lineKey("أين طلبي"));
  assert.deepEqual([...duplicates(["a", "b", "A?", "", "", "b "], "B")], [[1, -1], [2, 0], [5, -1]]);
});

test("what is more than the server takes is told before it is sent, and nothing is cut off", () => {
  const pasted = linesOf(Array.from({ length: 10_000 }, (_, i) => `- how do I do ${i}`).join("\n"));
  assert.equal(pasted.length, 10_000);
  const article = { title: "How?", answer: "So.", questions: pasted };
  const [told, ...more] = tooMuch(article);
  assert.deepEqual([told?.field, more], ["questions", []]);
  assert.match(told?.message ?? "", /10,000 variants.*5,000.*Remove 5,000 lines.*stay here/);
  assert.equal(article.questions.length, 10_000);
  // Empty lines do not count.
  assert.deepEqual(tooMuch({ ...article, questions: [...pasted.slice(0, VARIANTS), "", " "] }), []);
  const long = { title: "x".repeat(10_000), answer: "y".repeat(1_000_000), questions: ["a", "z".repeat(1001)] };
  assert.deepEqual(tooMuch(long).map(({ field, message }) => [field, /has ([\d,]+) characters/.exec(message)?.[1]]), [
    ["title", "10,000"],
    ["answer", "1,000,000"],
    ["questions", "1,001"],
  ]);
  assert.match(tooMuch(long)[2]?.message ?? "", /^Variant 2 /);
  // An emoji is one character, as the server counts it.
  assert.deepEqual(tooMuch({ ...article, title: "😀".repeat(200), questions: [] }), []);
});

test("ten thousand lines are compared in a moment", () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => `how do I ask number ${i % 9_990}`);
  assert.equal(duplicates(lines, "").size, 10);
});

test("the rows to draw are those in view and some around", () => {
  const offsets = Array.from({ length: 1_001 }, (_, i) => i * 40);
  assert.deepEqual(inView(offsets, 0, 400, 0), { from: 0, to: 11 });
  assert.deepEqual(inView(offsets, 4_000, 400, 80), { from: 98, to: 113 });
  assert.deepEqual(inView(offsets, 39_600, 400, 80), { from: 988, to: 1_000 });
  assert.deepEqual(inView([0], 0, 400, 80), { from: 0, to: 0 });
  // Rows of different heights: the second has advice below it.
  assert.deepEqual(inView([0, 42, 110, 152], 50, 10, 0), { from: 1, to: 2 });
});
