import assert from "node:assert/strict";
import { test } from "node:test";
import { lasted, millis, money, number, points, roughly, share, shareWithin, work } from "../src/studio/figures";

/** As a reader sees it: the space before a unit does not break. */
function plain(text: string): string {
  return text.replaceAll("\u00a0", " ");
}

test("shares carry no zero that says nothing, and a missing one is a dash", () => {
  assert.deepEqual([0.983, 0.5, 0, 1, 0.0004, null, undefined, NaN].map((v) => plain(share(v))), ["98.3 %", "50 %", "0 %", "100 %", "0 %", "–", "–", "–"]);
  assert.equal(plain(share(0.456, 0)), "46 %");
  assert.equal(plain(share(1, 0)), "100 %");
});

test("a share stands with its interval where there is one", () => {
  assert.equal(plain(shareWithin(0.016, [0.012, 0.021])), "1.6 % (1.2 to 2.1 %)");
  assert.equal(plain(shareWithin(0.016, null)), "1.6 %");
  assert.equal(plain(shareWithin(null, [0, 1])), "–");
});

test("a change is told in points", () => {
  assert.equal(points(0.9, 0.913), "+1.3 points");
  assert.equal(points(0.913, 0.9), "−1.3 points");
  assert.equal(points(0.5, 0.51), "+1 point");
  assert.equal(points(0.5, 0.50001), "no change");
});

test("numbers are grouped by thousands", () => {
  assert.equal(number(12_345.4), "12,345");
});

test("durations from milliseconds to hours", () => {
  assert.deepEqual([0.04, 8.42, 120.4, 999.4, 1234, null].map((v) => plain(millis(v))), ["0 ms", "8.4 ms", "120 ms", "999 ms", "1.2 s", "–"]);
  assert.deepEqual([3, 31, 50, 58, 100, 3599, 4800].map((v) => plain(roughly(v))), [
    "a few seconds", "about 40 seconds", "about 50 seconds", "about 1 minute", "about 2 minutes", "about 1 h", "about 1 h 20 min",
  ]);
  assert.deepEqual([7.6, 65, 3600, 4800, -3].map((v) => plain(lasted(v))), ["8 s", "1 min 05 s", "1 h", "1 h 20 min", "0 s"]);
});

test("people's work and what it costs", () => {
  assert.deepEqual([0, 0.4, 45, 200, 7200].map((v) => plain(work(v))), ["0 min", "under 1 min", "45 min", "3 h 20 min", "120 h"]);
  assert.equal(money(34.5, "EUR"), "€34.50");
  assert.equal(money(1234.5, "usd"), "US$1,235");
  assert.equal(money(34.5), "34.50");
  assert.equal(money(34.5, "not a currency"), "34.50");
});
