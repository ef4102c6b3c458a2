import assert from "node:assert/strict";
import { test } from "node:test";
import { simulationSays, type Simulation, type Tally, tallyRows } from "../src/studio/simulation";

const tally = (changes: Partial<Tally> = {}): Tally => ({ answered: 10, clarified: 2, unsure: 0, handed_over: 4, other: 1, hours: 0.4, missed: 1, disliked: 2, ...changes });
const simulation = (after: Partial<Tally>): Simulation => ({ before: tally(), after: tally(after), days: 7, conversations: 9, turns: 17, values: {}, days_seen: [], changes: [] });

test("what changes is told with its sign, and only what is surely good or bad is called so", () => {
  const rows = tallyRows(tally(), tally({ answered: 13, hours: 0.1, missed: 3 }));
  const of = (name: keyof Tally) => rows.find((row) => row.name === name);
  assert.deepEqual([of("answered")?.change, of("answered")?.lean], ["+3", "same"]);
  assert.deepEqual([of("hours")?.change, of("hours")?.lean], ["−0.3", "better"]);
  assert.deepEqual([of("missed")?.change, of("missed")?.lean], ["+2", "worse"]);
  assert.deepEqual([of("disliked")?.change, of("disliked")?.lean], ["", "same"]);
});

test("the result is one sentence", () => {
  assert.equal(simulationSays(simulation({})), "In these 7 days: as many questions answered, and as many conversations for people.");
  assert.equal(simulationSays(simulation({ answered: 9 })), "In these 7 days: the bot would have answered 1 question fewer.");
  assert.equal(
    simulationSays(simulation({ answered: 13, handed_over: 1 })),
    "In these 7 days: the bot would have answered 3 questions more, and people would have got 3 conversations fewer.",
  );
  assert.match(simulationSays(simulation({ handed_over: 3, missed: 2 })), /people would have got 1 conversation fewer, and 1 customer more who needed a person/);
});
