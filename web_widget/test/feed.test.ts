import assert from "node:assert/strict";
import { test } from "node:test";
import { Feed } from "../src/shared/feed";

test("applies in order, knows repeats, sees gaps", () => {
  const feed = new Feed();
  assert.equal(feed.judge({ seq: 1, prev: 0 }), "apply");
  assert.equal(feed.judge({ seq: 1, prev: 0 }), "known");
  assert.equal(feed.judge({ seq: 3, prev: 2 }), "gap");
  assert.equal(feed.cursor, 1);
  assert.equal(feed.judge({ seq: 2, prev: 1 }), "apply");
  assert.equal(feed.judge({ seq: 3, prev: 2 }), "apply");
});

test("numbers that this reader may not see are no gap", () => {
  const feed = new Feed();
  assert.equal(feed.judge({ seq: 2, prev: 0 }), "apply");
  assert.equal(feed.judge({ seq: 7, prev: 2 }), "apply");
});

test("after a reset it takes the first event again", () => {
  const feed = new Feed();
  feed.judge({ seq: 1, prev: 0 });
  feed.reset();
  assert.equal(feed.judge({ seq: 1, prev: 0 }), "apply");
});

test("in any order and with any repeats, what is applied is the log without holes", () => {
  let seed = 5;
  const next = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (seed >> 8) % n;
  };
  for (let round = 0; round < 200; round += 1) {
    const feed = new Feed();
    const applied: number[] = [];
    for (let step = 0; step < 60; step += 1) {
      const seq = 1 + next(8);
      if (feed.judge({ seq, prev: seq - 1 }) === "apply") applied.push(seq);
    }
    assert.deepEqual(
      applied,
      applied.map((_, i) => i + 1),
    );
  }
});
