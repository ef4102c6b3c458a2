/** The judge's report on a release: its shape, and what is read from it. Pure. */
import { between, type Interval, millis, points, share } from "./figures";
import { count } from "./words";

/** What became of one question under one release. */
export interface Verdict {
  kind: string;
  reason: string;
  article_id: string | null;
  title: string | null;
  confidence: number;
}

export interface Figures {
  n: number;
  n_answerable: number;
  accuracy_top1: number | null;
  coverage: number | null;
  accuracy_answered: number | null;
  wrong_answer_rate: number | null;
  oos_recall: number | null;
  auroc: number | null;
  latency_ms?: { p50: number | null; p95: number | null };
  intervals: Partial<Record<ShareName, Interval | null>>;
}

export type ShareName = "accuracy_top1" | "coverage" | "accuracy_answered" | "wrong_answer_rate" | "oos_recall";

export interface CurvePoint {
  threshold: number;
  coverage: number;
  answers: number;
  wrong: number;
  low: number;
  high: number;
}

export interface Bin {
  low: number;
  high: number;
  n: number;
  confidence: number;
  right: { hits: number; n: number; share: number | null; low: number; high: number };
}

export interface Confusion {
  expected: string | null;
  best: string;
  n: number;
  answered: number;
  examples: string[];
}

export interface ExamChange {
  id: string;
  text: string;
  expected: string | null;
  before: Verdict | null;
  after: Verdict;
  verdict: "better" | "worse" | "other";
}

export type AskedVerdict = "now_answered" | "no_longer_answered" | "other_answer" | "other";

export interface AskedChange {
  conversation_id: string;
  turn: number;
  text: string;
  before: Verdict | null;
  after: Verdict;
  verdict: AskedVerdict;
}

export interface Latency {
  p50: number | null;
  p95: number | null;
}

export interface Report {
  candidate: string;
  against: string | null;
  seconds: number;
  exam: {
    n: number;
    before: Figures | null;
    after: Figures;
    before_curve?: CurvePoint[] | null;
    after_curve?: CurvePoint[] | null;
    reliability_after?: Bin[] | null;
    confusions_after?: Confusion[] | null;
    changes: ExamChange[];
    /** Those that a large report leaves out. */
    more_changes?: number;
  } | null;
  asked: {
    n: number;
    same: number;
    changes: AskedChange[];
    more_changes?: number;
    counts: Partial<Record<AskedVerdict, number>>;
    before: Record<string, number> | null;
    after: Record<string, number>;
  } | null;
  golden: { passed: number; failed: { name: string; problem: string }[] } | null;
  latency_ms: { before: Latency | null; after: Latency } | null;
}

/** The figures that an editor is shown, in this order, and whether more of them is better. */
export const SHARES: readonly { name: ShareName; label: string; means: string; more: "better" | "worse" }[] = [
  { name: "accuracy_top1", label: "Right article found first", means: "Of the questions that an article answers: how often the right one came first.", more: "better" },
  { name: "coverage", label: "Answered by the bot", means: "Of the questions that an article answers: how many the bot answered alone.", more: "better" },
  { name: "accuracy_answered", label: "Answers that are right", means: "Of all answers given.", more: "better" },
  { name: "wrong_answer_rate", label: "Answers that are wrong", means: "Of all answers given: a wrong article, or no article fits.", more: "worse" },
  { name: "oos_recall", label: "Rightly not answered", means: "Of the questions that no article answers.", more: "better" },
];

export type Lean = "better" | "worse" | "same";

export interface FigureRow {
  label: string;
  means: string;
  before: { share: string; within: string };
  after: { share: string; within: string };
  change: string;
  lean: Lean;
  /** Whether the intervals lie apart: then the change is hardly chance. */
  sure: boolean;
}

export function figureRows(before: Figures | null, after: Figures): FigureRow[] {
  return SHARES.map(({ name, label, means, more }) => {
    const [was, is] = [before?.[name] ?? null, after[name]];
    const [wasIn, isIn] = [before?.intervals[name] ?? null, after.intervals[name] ?? null];
    const change = was === null || is === null ? "" : points(was, is);
    return {
      label,
      means,
      before: { share: share(was), within: was === null || wasIn === null ? "" : between(wasIn) },
      after: { share: share(is), within: is === null || isIn === null ? "" : between(isIn) },
      change,
      lean: was === null || is === null ? "same" : leanOf(was, is, more),
      sure: wasIn !== null && isIn !== null && (wasIn[1] < isIn[0] || isIn[1] < wasIn[0]),
    };
  });
}

function leanOf(before: number, after: number, more: "better" | "worse"): Lean {
  const change = Math.round((after - before) * 1000);
  if (change === 0) return "same";
  return change > 0 === (more === "better") ? "better" : "worse";
}

export interface Headline {
  tone: "good" | "warn" | "bad" | "plain";
  title: string;
  says: string;
}

/** The report in a sentence or two, for who reads nothing else. */
export function headline(report: Report): Headline {
  const failed = report.golden?.failed.length ?? 0;
  const exam = tallied(report.exam?.changes ?? []);
  const lost = report.asked?.counts.no_longer_answered ?? 0;
  const won = report.asked?.counts.now_answered ?? 0;
  if (report.against === null)
    return {
      tone: failed > 0 ? "bad" : "plain",
      title: failed > 0 ? `${count(failed, "test conversation")} failed` : "The first release",
      says: report.exam === null ? "There is nothing to compare it with yet." : `${firstWords(report.exam.after)} There is nothing to compare it with yet.`,
    };
  const parts = [
    exam.better + exam.worse === 0
      ? "No question of the exam is answered better or worse."
      : `In the exam ${count(exam.better, "question")} got better and ${exam.worse === 0 ? "none got worse" : `${count(exam.worse, "question")} got worse`}.`,
  ];
  if (report.asked !== null && report.asked.n > 0)
    parts.push(
      won + lost === 0
        ? "Of last week’s questions as many are answered as before."
        : `Of last week’s ${count(report.asked.n, "question")}, ${won} that had no answer now have one${lost === 0 ? "" : `, and ${lost} lost theirs`}.`,
    );
  const says = parts.join(" ");
  if (failed > 0) return { tone: "bad", title: `${count(failed, "test conversation")} failed`, says };
  const net = exam.better - exam.worse || won - lost;
  if (exam.better + exam.worse + won + lost === 0) return { tone: "plain", title: "Nothing that we can measure changed", says };
  if (exam.worse + lost === 0) return { tone: "good", title: "Better, and nothing got worse", says };
  if (net > 0) return { tone: "good", title: "More got better than worse", says };
  if (net === 0) return { tone: "warn", title: "As much got better as worse", says };
  return { tone: "bad", title: "More got worse than better", says };
}

function firstWords(after: Figures): string {
  return `It answers ${share(after.coverage)} of the questions in the exam that have an article, and ${share(after.wrong_answer_rate)} of its answers are wrong.`;
}

export function tallied(changes: readonly { verdict: string }[]): { better: number; worse: number; other: number } {
  const tally = { better: 0, worse: 0, other: 0 };
  for (const change of changes) tally[leaning(change.verdict)] += 1;
  return tally;
}

/** An exam knows what is right; of real questions only winning or losing an answer is told from the outside. */
export function leaning(verdict: string): "better" | "worse" | "other" {
  if (verdict === "better" || verdict === "now_answered") return "better";
  if (verdict === "worse" || verdict === "no_longer_answered") return "worse";
  return "other";
}

const ORDER = { worse: 0, other: 1, better: 2 } as const;

/** Worse first, then what differs, then better; within these in the report's order. */
export function worstFirst<T extends { verdict: string }>(changes: readonly T[]): T[] {
  return changes.toSorted((a, b) => ORDER[leaning(a.verdict)] - ORDER[leaning(b.verdict)]);
}

/** `answer` with its article, or what else was done, in words. */
export function verdictWords(verdict: Verdict | null): string {
  if (verdict === null) return "–";
  const title = verdict.title ?? verdict.article_id;
  switch (verdict.kind) {
    case "answer":
      return title === null ? "Answered" : `Answered: ${title}`;
    case "clarify":
      return title === null ? "Asked back" : `Asked back, first: ${title}`;
    case "escalate":
      return "Called a person";
    case "unsure":
      return "Said it is not sure";
    case "chat":
      return "Small talk";
    case "task":
      return "Started a task";
    default:
      return verdict.kind;
  }
}

/** Two answers differ to a customer: another deed, or another article. */
export function differs(a: Verdict, b: Verdict): boolean {
  return a.kind !== b.kind || a.article_id !== b.article_id;
}

/** The titles that the report's answers name; an id that none names is made readable. */
export function titlesOf(report: Report): (id: string | null) => string {
  const known = new Map<string, string>();
  for (const { before, after } of [...(report.exam?.changes ?? []), ...(report.asked?.changes ?? [])])
    for (const verdict of [before, after]) if (verdict?.article_id != null && verdict.title !== null) known.set(verdict.article_id, verdict.title);
  return (id) => (id === null ? "No article" : (known.get(id) ?? readable(id)));
}

/** `delivery-times.express` -> `Delivery times express`. */
function readable(id: string): string {
  const words = id.replace(/[._-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Rows are expected articles, columns what was found first, cells how often. */
export interface Matrix {
  rows: (string | null)[];
  columns: string[];
  cells: (Confusion | null)[][];
  most: number;
}

/** The articles in the most confusions; a pair whose row or column is not among them stays in the list only. */
export function matrixOf(confusions: readonly Confusion[], most = 8): Matrix {
  const rows = topOf(confusions, (c) => c.expected, most);
  const columns = topOf(confusions.filter((c) => rows.includes(c.expected)), (c) => c.best, most) as string[];
  const cells = rows.map((expected) => columns.map((best) => confusions.find((c) => c.expected === expected && c.best === best) ?? null));
  const kept = rows.filter((_, i) => cells[i]?.some((cell) => cell !== null));
  const shown = cells.filter((row) => row.some((cell) => cell !== null));
  return { rows: kept, columns, cells: shown, most: Math.max(1, ...shown.flat().map((cell) => cell?.n ?? 0)) };
}

function topOf(confusions: readonly Confusion[], of: (c: Confusion) => string | null, most: number): (string | null)[] {
  const sums = new Map<string | null, number>();
  for (const confusion of confusions) sums.set(of(confusion), (sums.get(of(confusion)) ?? 0) + confusion.n);
  return [...sums].sort((a, b) => b[1] - a[1]).slice(0, most).map(([name]) => name);
}

/** One of five shades by the share of the largest cell. */
export function shade(n: number, most: number): 0 | 1 | 2 | 3 | 4 | 5 {
  if (n <= 0) return 0;
  return Math.max(1, Math.min(5, Math.ceil((n / Math.max(1, most)) * 5))) as 1 | 2 | 3 | 4 | 5;
}

/** The point of a curve at the lowest threshold that keeps the promise: all surer questions answered. */
export function pointFor(curve: readonly CurvePoint[], risk: number): CurvePoint | null {
  let found: CurvePoint | null = null;
  for (const point of curve) if (point.wrong <= risk && (found === null || point.coverage > found.coverage)) found = point;
  return found;
}

export function latencyWords(latency: { before: Latency | null; after: Latency }): string {
  const now = `Half of the answers take at most ${millis(latency.after.p50)}, 95 of 100 at most ${millis(latency.after.p95)}`;
  return latency.before === null ? `${now}.` : `${now}; before, ${millis(latency.before.p50)} and ${millis(latency.before.p95)}.`;
}
