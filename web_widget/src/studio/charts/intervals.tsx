/** Shares as points with their 95 % intervals on one scale, two of each beside each other: before and after, or two releases. */
import type { VNode } from "preact";
import { type Interval, share, shareWithin } from "../figures";
import { Frame } from "./frame";
import { rangeOf, scale, ticks } from "./scale";

export interface Shares {
  name: string;
  a: { share: number; interval: Interval } | null;
  b: { share: number; interval: Interval } | null;
}

interface Props {
  title: string;
  says: string;
  /** What `a` (shown first, in full colour) and `b` are. */
  names: { a: string; b: string };
  rows: readonly Shares[];
}

const WIDTH = 420;
const ROW = 54;
const LEFT = 16;
const RIGHT = WIDTH - 18;
const TOP = 8;

export function Intervals({ title, says, names, rows }: Props): VNode {
  const shown = rows.filter((row) => row.a !== null || row.b !== null);
  const bottom = TOP + shown.length * ROW;
  const values = shown.flatMap((row) => [row.a, row.b].flatMap((side) => (side === null ? [] : [side.share, ...side.interval])));
  const range = rangeOf(values, [0, 1]);
  const toX = scale(range, LEFT, RIGHT);
  return (
    <Frame
      title={title}
      says={says}
      width={WIDTH}
      height={bottom + 24}
      legend={[
        { name: names.a, ink: "a" },
        { name: names.b, ink: "b" },
      ]}
      numbers={{
        head: ["Figure", names.a, names.b],
        rows: shown.map((row) => [row.name, told(row.a), told(row.b)]),
      }}
    >
      {ticks(range, 5).map((value) => (
        <g key={value}>
          <path class="grid" d={`M${toX(value)} ${TOP}V${bottom}`} />
          <text x={toX(value)} y={bottom + 16} text-anchor="middle">
            {share(value, 0)}
          </text>
        </g>
      ))}
      {shown.map((row, i) => (
        <g key={row.name}>
          <text class="strong halo" x={LEFT} y={TOP + i * ROW + 13}>
            {row.name}
          </text>
          {row.a !== null && <Side ink="a" side={row.a} down={TOP + i * ROW + 25} toX={toX} />}
          {row.b !== null && <Side ink="b" side={row.b} down={TOP + i * ROW + 38} toX={toX} />}
        </g>
      ))}
    </Frame>
  );
}

function Side({ ink, side, down, toX }: {
  ink: "a" | "b";
  side: { share: number; interval: Interval };
  down: number;
  toX: (value: number) => number;
}): VNode {
  return (
    <g>
      <path class={`whisker-${ink}`} d={`M${toX(side.interval[0])} ${down}H${toX(side.interval[1])}`} />
      <circle class={`dot-${ink}`} cx={toX(side.share)} cy={down} r="4.5" />
    </g>
  );
}

function told(side: Shares["a"]): string {
  return side === null ? "–" : shareWithin(side.share, side.interval);
}
