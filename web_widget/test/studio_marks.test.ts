import assert from "node:assert/strict";
import { test } from "node:test";
import { formatLine, marked, nameFor, parseLine, retyped, unmarked, wordsAt, wordsFrom, wordsText } from "../src/studio/intents/marks";
import { doesText, lineWords } from "../src/studio/intents/words";

test("marks are read and written as Rasa has them", () => {
  const example = "my [tent](product) and [RMA-12](case) broke";
  const line = parseLine(example);
  assert.equal(line.text, "my tent and RMA-12 broke");
  assert.deepEqual(line.marks, [
    { start: 3, end: 7, entity: "product" },
    { start: 12, end: 18, entity: "case" },
  ]);
  assert.equal(formatLine(line), example);
  assert.deepEqual(parseLine("no marks"), { text: "no marks", marks: [] });
});

test("brackets that are typed are no marks", () => {
  assert.equal(formatLine({ text: "see [here](x) now", marks: [] }), "see [here] (x) now");
  assert.deepEqual(parseLine(formatLine({ text: "a [b](c)", marks: [] })).marks, []);
});

test("marks move with their words and go when these change", () => {
  const line = parseLine("my [tent](product) broke");
  assert.equal(formatLine(retyped(line, "oh my tent broke")), "oh my [tent](product) broke");
  assert.equal(formatLine(retyped(line, "my tent broke today")), "my [tent](product) broke today");
  assert.equal(formatLine(retyped(line, "my tant broke")), "my tant broke");
  assert.equal(formatLine(retyped(line, "my broke")), "my broke");
});

test("a selection grows to whole words", () => {
  assert.deepEqual(wordsAt("my tent broke", 4, 6), { start: 3, end: 7 });
  assert.deepEqual(wordsAt("my tent broke", 2, 8), { start: 3, end: 7 });
  assert.deepEqual(wordsAt("straße über", 8, 9), { start: 7, end: 11 });
  assert.equal(wordsAt("my tent", 2, 3), null);
  assert.equal(wordsAt("my tent", 4, 4), null);
});

test("a mark replaces those that it touches, and can be taken off", () => {
  const line = marked(parseLine("my [red](colour) tent"), 3, 11, "product");
  assert.equal(formatLine(line), "my [red tent](product)");
  assert.equal(formatLine(unmarked(line, 3)), "my red tent");
});

test("names and words of entities", () => {
  assert.equal(nameFor("Kind of product", []), "kind_of_product");
  assert.equal(nameFor("Größe", ["groe", "gro_e"]), "gro_e_2");
  assert.equal(nameFor("цвет", []), "entity");
  const words = [{ value: "tent", synonyms: ["tents", "shelter"] }, { value: "boot", synonyms: [] }];
  assert.equal(wordsText(words), "tent = tents, shelter\nboot");
  assert.deepEqual(wordsFrom(" tent = tents, shelter,\n\nboot\n= x"), words);
});

test("an example and what is done are words in a history", () => {
  assert.equal(lineWords("my parcel"), "my parcel");
  assert.equal(lineWords("buy [40](many_things) tents for [now](when)"), "buy 40 tents for now (40: many things, now: when)");
  assert.equal(doesText(null), "");
  assert.equal(doesText({ kind: "nothing" }), "does nothing yet");
  assert.equal(doesText({ kind: "say", texts: { en: "Yes.", de: "Ja." } }), "says a text: Yes.\nJa.");
  assert.equal(doesText({ kind: "person", reason: "bulk" }), "hands over to a person: bulk");
});
