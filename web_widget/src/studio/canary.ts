/** A canary's figures beside those of what is live. Pure. */
import type { Shares } from "./charts/intervals";
import { type Interval, points } from "./figures";
import type { Canary, CanaryFigures } from "./protocol";
import { count } from "./words";

/** 1.96: the 97.5th percentile of the normal distribution. */
const Z = 1.959963984540054;

/** The 95 % interval of a share by Wilson (1927); of nothing, everything is possible. */
export function wilson(hits: number, n: number): Interval {
  if (n <= 0) return [0, 1];
  const p = hits / n;
  const z2 = (Z * Z) / n;
  const middle = (p + z2 / 2) / (1 + z2);
  const half = (Z / (1 + z2)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

interface Figure {
  name: string;
  hits: (f: CanaryFigures) => number;
  of: (f: CanaryFigures) => number;
  more: "better" | "worse" | "neither";
  /** What the canary does when its share is the larger or the smaller one. */
  up: string;
  down: string;
}

const FIGURES: readonly Figure[] = [
  { name: "Answered", hits: (f) => f.answered, of: (f) => f.turns, more: "better", up: "it answers more", down: "it answers less" },
  { name: "Asked back", hits: (f) => f.clarified, of: (f) => f.turns, more: "neither", up: "it asks back more", down: "it asks back less" },
  { name: "Said it is not sure", hits: (f) => f.unsure, of: (f) => f.turns, more: "worse", up: "it is unsure more often", down: "it is unsure less often" },
  { name: "Handed to a person", hits: (f) => f.handed_over, of: (f) => f.conversations, more: "worse", up: "it hands over more", down: "it hands over less" },
  { name: "Thumbs down among ratings", hits: (f) => f.thumbs_down, of: (f) => f.thumbs_up + f.thumbs_down, more: "worse", up: "it gets more thumbs down", down: "it gets fewer thumbs down" },
];

export interface CanaryRow extends Shares {
  /** `a` is the canary's share. */
  lean: "better" | "worse" | "same";
  change: string;
  does: string;
  /** The intervals lie apart: hardly chance. */
  sure: boolean;
}

export function canaryRows({ figures }: Canary): CanaryRow[] {
  return FIGURES.map(({ name, hits, of, more, up, down }) => {
    const side = (f: CanaryFigures): Shares["a"] => (of(f) > 0 ? { share: hits(f) / of(f), interval: wilson(hits(f), of(f)) } : null);
    const [a, b] = [side(figures.canary), side(figures.live)];
    if (a === null || b === null) return { name, a, b, lean: "same", change: "", does: "", sure: false };
    const sure = a.interval[1] < b.interval[0] || b.interval[1] < a.interval[0];
    const rises = a.share > b.share;
    const lean = a.share === b.share || more === "neither" ? "same" : rises === (more === "better") ? "better" : "worse";
    return { name, a, b, lean, change: points(b.share, a.share), does: rises ? up : down, sure };
  });
}

/** Fewer turns than this say nothing yet. */
const FEW = 50;

/** What the figures say so far, carefully. */
export function canarySays(canary: Canary): string {
  const turns = canary.figures.canary.turns;
  if (turns < FEW) return `Too early to tell: the canary has had ${count(turns, "turn")}.`;
  const sure = canaryRows(canary).filter((row) => row.sure);
  const better = sure.filter((row) => row.lean === "better").map((row) => row.does);
  const worse = sure.filter((row) => row.lean === "worse").map((row) => row.does);
  if (better.length + worse.length === 0) return "No difference so far that could not be chance.";
  const parts = [];
  if (worse.length > 0) parts.push(`The canary does worse: ${worse.join(", ")}.`);
  if (better.length > 0) parts.push(`The canary does better: ${better.join(", ")}.`);
  return parts.join(" ");
}
