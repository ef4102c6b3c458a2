import assert from "node:assert/strict";
import { test } from "node:test";
import { parseError, parseFrame, randomId, textLength } from "../src/shared/protocol";
import { direction } from "../src/widget/options";
import { queueWords, titleOf, waitWords } from "../src/widget/strings";

test("frames that are no frames are refused", () => {
  for (const text of ["", "{", "null", "[]", "3", '"welcome"', "{}", '{"type":3}']) assert.equal(parseFrame(text), null, text);
  assert.deepEqual(parseFrame('{"type":"pong","more":1}'), { type: "pong", more: 1 });
});

test("errors have one shape", () => {
  assert.equal(parseError({ detail: "x" }), null);
  assert.equal(parseError({ error: { code: 1, message: "x" } }), null);
  assert.deepEqual(parseError({ error: { code: "a", message: "b", data: {} } }), { code: "a", message: "b", data: {} });
});

test("characters are counted as the server counts them", () => {
  assert.equal(textLength("aé😀"), 3);
});

test("client ids are long enough and differ", () => {
  assert.match(randomId(), /^[0-9a-f]{32}$/);
  assert.notEqual(randomId(), randomId());
});

test("queue and wait in words", () => {
  assert.equal(queueWords(1), "You are next in line");
  assert.equal(queueWords(4), "You are number 4 in line");
  assert.equal(waitWords({ low: 120, high: 300 }), "about 2 to 5 minutes");
  assert.equal(waitWords({ low: 50, high: 61 }), "about 1 to 2 minutes");
  assert.equal(waitWords({ low: 10, high: 45 }), "less than a minute");
  assert.equal(waitWords(null), "");
  assert.equal(waitWords({ low: 60, high: 60 }), "about 1 minute");
});

test("an article without a title is named by its id", () => {
  assert.equal(titleOf({ id: "delivery-times", title: null }), "Delivery times");
  assert.equal(titleOf({ id: "x", title: "When will it come?" }), "When will it come?");
});

test("languages that are written from right to left", () => {
  assert.equal(direction("ar-EG"), "rtl");
  assert.equal(direction("he"), "rtl");
  assert.equal(direction("en-GB"), "ltr");
  assert.equal(direction("fr"), "ltr");
});
