import assert from "node:assert/strict";
import { test } from "node:test";
import { bandOf, pathOf, rangeOf, scale, thinned, ticks } from "../src/studio/charts/scale";
import { trendOf, trendWords } from "../src/studio/charts/trend";

test("a range holds what it must and is never empty", () => {
  assert.deepEqual(rangeOf([3, 1, 2]), [1, 3]);
  assert.deepEqual(rangeOf([0.4], [0, 1]), [0, 1]);
  assert.deepEqual(rangeOf([2], [0, 1]), [0, 2]);
  assert.deepEqual(rangeOf([5, 5]), [5, 6]);
  assert.deepEqual(rangeOf([]), [0, 1]);
  assert.deepEqual(rangeOf([NaN, Infinity, 2, 4]), [2, 4]);
});

test("a scale keeps what lies outside on its edge, and may run downwards", () => {
  const up = scale([0, 10], 200, 100);
  assert.deepEqual([0, 5, 10, -3, 99].map(up), [200, 150, 100, 200, 100]);
  assert.equal(scale([1, 1], 0, 10)(1), 0);
});

test("ticks are round and lie within", () => {
  assert.deepEqual(ticks([0, 1], 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks([0, 0.03], 4), [0, 0.01, 0.02, 0.03]);
  assert.deepEqual(ticks([0.13, 0.87], 4), [0.2, 0.4, 0.6, 0.8]);
  assert.deepEqual(ticks([7, 7]), [7]);
  for (const [low, high] of [[0, 1e-6], [3, 1e7], [-5, 5]] as const) {
    const found = ticks([low, high]);
    assert.ok(found.length >= 3 && found.length <= 11, found.join());
    assert.ok(found.every((v) => v >= low && v <= high), found.join());
  }
});

test("paths and bands", () => {
  assert.equal(pathOf([[0, 1], [2, 3]]), "M0 1L2 3");
  assert.equal(pathOf([[0, 1], [2, 3]], true), "M0 1H2V3");
  assert.equal(pathOf([]), "");
  assert.equal(bandOf([[0, 5, 1], [2, 6, 2]]), "M0 1L2 2L2 6L0 5Z");
  assert.equal(bandOf([[0, 5, 1]]), "");
});

test("a long curve is thinned evenly, its ends kept", () => {
  const rows = Array.from({ length: 101 }, (_, i) => i);
  assert.deepEqual(thinned(rows, 5), [0, 25, 50, 75, 100]);
  assert.deepEqual(thinned([1, 2], 5), [1, 2]);
});

test("a trend is told by its halves, and little of little is no trend", () => {
  const days = (first: number, second: number): number[] => [...Array<number>(7).fill(first), ...Array<number>(7).fill(second)];
  assert.equal(trendOf(days(0, 0)), "quiet");
  assert.equal(trendOf(days(1, 3)), "rising");
  assert.equal(trendOf(days(3, 1)), "falling");
  assert.equal(trendOf(days(10, 11)), "steady");
  assert.equal(trendOf([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]), "steady");
  assert.equal(trendWords(days(1, 3), "today"), "28 questions in the 14 days until today, rising: 7, then 21.");
  assert.equal(trendWords(days(0, 0), "today"), "None in the 14 days until today.");
});
