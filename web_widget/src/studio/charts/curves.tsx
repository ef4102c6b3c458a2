/** The two charts that a release is judged by: what answering more costs, and whether confidence means what it says. */
import type { VNode } from "preact";
import { share } from "../figures";
import type { Bin, CurvePoint } from "../judge";
import { Lines, type Series } from "./lines";
import { thinned } from "./scale";

const ROWS = 20;

export function CoverageRisk({ before, after, risk, stands }: {
  before: readonly CurvePoint[] | null;
  after: readonly CurvePoint[];
  /** What was promised: at most this share of wrong answers. */
  risk: number | null;
  /** Where the release is with the confidence that it asks for. */
  stands: { coverage: number; wrong: number } | null;
}): VNode {
  const series: Series[] = [{ name: before === null ? "If more or less were answered" : "After", ink: "a", spots: spotsOf(after, true) }];
  if (before !== null) series.unshift({ name: "Before", ink: "b", spots: spotsOf(before, false) });
  const marks = stands === null ? [] : [{ x: stands.coverage, y: stands.wrong, name: "This release" }];
  const end = after.at(-1);
  return (
    <Lines
      title="Wrong answers against questions answered"
      says={
        `The more questions the bot answers, the more of its answers are wrong. ` +
        (stands === null ? "" : `This release stands at ${share(stands.coverage)} answered with ${share(stands.wrong)} wrong. `) +
        (end === undefined ? "" : `If it answered everything it found, ${share(end.wrong)} would be wrong.`)
      }
      note="Further right, more is answered without a person; higher, more of it is wrong. The pale band is the 95 % interval."
      x={{ label: "Questions answered", format: (v) => share(v, 0), least: [0, 1] }}
      y={{ label: "Answers that are wrong", format: (v) => share(v), least: [0, Math.max(0.02, (risk ?? 0) * 1.5)], most: topOf(after, before, risk) }}
      series={series}
      level={risk === null ? undefined : { y: risk, name: `Promise: at most ${share(risk)} wrong` }}
      marks={marks}
      numbers={{
        head: ["Needed confidence", "Answered", "Wrong", "95 % interval"],
        rows: thinned(after, ROWS).map((p) => [share(p.threshold), share(p.coverage), share(p.wrong), `${share(p.low)} to ${share(p.high)}`]),
      }}
    />
  );
}

/** Answers at the very start are few, so their interval is wide: the first few do not set the scale. */
function topOf(after: readonly CurvePoint[], before: readonly CurvePoint[] | null, risk: number | null): number {
  const settled = [...after, ...(before ?? [])].filter((p) => p.coverage >= 0.2).map((p) => p.high);
  return Math.min(1, Math.max(0.02, (risk ?? 0) * 1.5, ...settled));
}

function spotsOf(curve: readonly CurvePoint[], banded: boolean): Series["spots"] {
  return curve.map((p) => ({ x: p.coverage, y: p.wrong, ...(banded ? { low: p.low, high: p.high } : {}) }));
}

export function Reliability({ bins }: { bins: readonly Bin[] }): VNode {
  const shown = bins.filter((bin) => bin.right.share !== null);
  return (
    <Lines
      title="Does the confidence mean what it says?"
      says="Each point is a group of questions of like confidence: how sure the bot was, and how often it was right. On the dotted line both are the same; above it the bot is too modest, below it too sure."
      note="On the dotted line the bot is as often right as it is sure. Below it, it is too sure; above it, too modest."
      x={{ label: "How sure the bot was", format: (v) => share(v, 0), least: [0, 1] }}
      y={{ label: "How often it was right", format: (v) => share(v, 0), least: [0, 1] }}
      diagonal
      series={[
        {
          name: "After",
          ink: "a",
          dots: true,
          spots: shown.map((bin) => ({ x: bin.confidence, y: bin.right.share ?? 0, low: bin.right.low, high: bin.right.high })),
        },
      ]}
      numbers={{
        head: ["Confidence", "Questions", "Right", "95 % interval"],
        rows: shown.map((bin) => [share(bin.confidence), String(bin.n), share(bin.right.share), `${share(bin.right.low)} to ${share(bin.right.high)}`]),
      }}
    />
  );
}
