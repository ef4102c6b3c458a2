import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Confusion, type CurvePoint, differs, type ExamChange, figureRows, type Figures, headline, leaning, matrixOf, pointFor, type Report, shade,
  tallied, verdictWords, type Verdict, worstFirst,
} from "../src/studio/judge";

function figures(more: Partial<Figures> = {}): Figures {
  return {
    n: 100,
    n_answerable: 80,
    accuracy_top1: 0.9,
    coverage: 0.8,
    accuracy_answered: 0.98,
    wrong_answer_rate: 0.02,
    oos_recall: 0.95,
    auroc: 0.97,
    intervals: { accuracy_top1: [0.85, 0.94], coverage: [0.7, 0.87], accuracy_answered: [0.92, 0.99], wrong_answer_rate: [0.01, 0.08], oos_recall: null },
    ...more,
  };
}

function verdict(more: Partial<Verdict> = {}): Verdict {
  return { kind: "answer", reason: "confident", article_id: "returns", title: "Returns", confidence: 0.9, ...more };
}

function exam(...verdicts: ExamChange["verdict"][]): ExamChange[] {
  return verdicts.map((v, i) => ({ id: `q${i}`, text: `question ${i}`, expected: "returns", before: verdict(), after: verdict(), verdict: v }));
}

function report(more: Partial<Report> = {}): Report {
  return {
    candidate: "r2",
    against: "r1",
    seconds: 30,
    exam: { n: 100, before: figures(), after: figures(), changes: [] },
    asked: { n: 50, same: 50, changes: [], counts: {}, before: {}, after: {} },
    golden: { passed: 12, failed: [] },
    latency_ms: null,
    ...more,
  };
}

test("a figure leans by what more of it means, and is sure where the intervals lie apart", () => {
  const rows = figureRows(figures(), figures({ coverage: 0.95, wrong_answer_rate: 0.05, intervals: { coverage: [0.88, 0.98], wrong_answer_rate: [0.02, 0.1] } }));
  const [first, coverage, , wrong, oos] = rows;
  assert.deepEqual([first?.lean, first?.change, first?.sure], ["same", "no change", false]);
  assert.deepEqual([coverage?.lean, coverage?.change, coverage?.sure], ["better", "+15 points", true]);
  assert.deepEqual([wrong?.lean, wrong?.change, wrong?.sure], ["worse", "+3 points", false]);
  assert.equal(oos?.after.share.replaceAll("\u00a0", " "), "95 %");
});

test("without a release before there is no change to tell", () => {
  const rows = figureRows(null, figures());
  assert.ok(rows.every((row) => row.change === "" && row.lean === "same" && row.before.share === "–"));
});

test("the headline weighs what was won against what was lost", () => {
  const withExam = (...v: ExamChange["verdict"][]): Report => report({ exam: { n: 100, before: figures(), after: figures(), changes: exam(...v) } });
  assert.equal(headline(report()).tone, "plain");
  assert.equal(headline(withExam("better", "better")).title, "Better, and nothing got worse");
  assert.equal(headline(withExam("better", "better", "worse")).tone, "good");
  assert.equal(headline(withExam("better", "worse")).tone, "warn");
  assert.equal(headline(withExam("worse", "other")).tone, "bad");
  assert.match(headline(withExam("better", "worse", "worse")).says, /1 question got better and 2 questions got worse/);
});

test("a failed test conversation outweighs every gain", () => {
  const found = headline(report({ exam: { n: 9, before: figures(), after: figures(), changes: exam("better") }, golden: { passed: 11, failed: [{ name: "refund", problem: "no form" }] } }));
  assert.deepEqual([found.tone, found.title], ["bad", "1 test conversation failed"]);
});

test("last week's questions count where the exam is silent", () => {
  const asked = { n: 1200, same: 1190, changes: [], counts: { now_answered: 2, no_longer_answered: 8 }, before: {}, after: {} };
  const found = headline(report({ asked }));
  assert.equal(found.tone, "bad");
  assert.match(found.says, /1,200 questions, 2 that had no answer now have one, and 8 lost theirs/);
});

test("a first release is compared with nothing", () => {
  const found = headline(report({ against: null, exam: { n: 100, before: null, after: figures(), changes: [] }, asked: null, golden: null }));
  assert.equal(found.title, "The first release");
  assert.match(found.says, /answers 80.% of the questions/);
  assert.equal(headline(report({ against: null, exam: null, asked: null, golden: null })).tone, "plain");
});

test("changes are read worst first, in their order otherwise", () => {
  assert.deepEqual(worstFirst(exam("better", "other", "worse", "better", "worse")).map((c) => c.id), ["q2", "q4", "q1", "q0", "q3"]);
  assert.equal(leaning("now_answered"), "better");
  assert.equal(leaning("no_longer_answered"), "worse");
  assert.equal(leaning("other_answer"), "other");
  assert.deepEqual(tallied(exam("better", "other", "worse", "better")), { better: 2, worse: 1, other: 1 });
});

test("verdicts in words", () => {
  assert.equal(verdictWords(verdict()), "Answered: Returns");
  assert.equal(verdictWords(verdict({ title: null })), "Answered: returns");
  assert.equal(verdictWords(verdict({ kind: "escalate" })), "Called a person");
  assert.equal(verdictWords(verdict({ kind: "unsure", article_id: null, title: null })), "Said it is not sure");
  assert.equal(verdictWords(null), "–");
  assert.ok(differs(verdict(), verdict({ article_id: "refunds" })));
  assert.ok(!differs(verdict(), verdict({ confidence: 0.1, reason: "chosen" })));
});

test("the matrix holds the articles that are confused most, without empty rows", () => {
  const pair = (expected: string | null, best: string, n: number): Confusion => ({ expected, best, n, answered: 0, examples: [] });
  const all = [pair("a", "b", 9), pair("b", "a", 4), pair("a", "c", 1), pair(null, "a", 6)];
  const found = matrixOf(all);
  assert.deepEqual(found.rows, ["a", null, "b"]);
  assert.deepEqual(found.columns, ["a", "b", "c"]);
  assert.deepEqual(found.cells.map((row) => row.map((cell) => cell?.n ?? 0)), [[0, 9, 1], [6, 0, 0], [4, 0, 0]]);
  assert.equal(found.most, 9);
  const cut = matrixOf(all, 1);
  assert.deepEqual([cut.rows, cut.columns], [["a"], ["b"]]);
  assert.deepEqual(matrixOf([]), { rows: [], columns: [], cells: [], most: 1 });
});

test("shades rise with the count and none is drawn for nothing", () => {
  assert.deepEqual([0, 1, 4, 5, 9, 10].map((n) => shade(n, 10)), [0, 1, 2, 3, 5, 5]);
});

test("a promise is kept at the most that is answered within it", () => {
  const curve: CurvePoint[] = [[0.9, 0.3, 0.03], [0.8, 0.5, 0.01], [0.7, 0.7, 0.02], [0.6, 0.9, 0.04]].map(([threshold = 0, coverage = 0, wrong = 0]) => ({
    threshold, coverage, wrong, answers: 10, low: 0, high: 1,
  }));
  assert.equal(pointFor(curve, 0.02)?.threshold, 0.7);
  assert.equal(pointFor(curve, 0.005), null);
});
