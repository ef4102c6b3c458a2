/** Lines over two linear axes, with bands for what is uncertain, points with whiskers, and promises drawn across. */
import type { VNode } from "preact";
import { Frame, type Ink, type KeyEntry, type Numbers } from "./frame";
import { bandOf, type Box, pathOf, type Range, rangeOf, scale, ticks } from "./scale";

export interface Spot {
  x: number;
  y: number;
  low?: number;
  high?: number;
}

export interface Series {
  name: string;
  ink: "a" | "b";
  spots: readonly Spot[];
  /** Points with whiskers, not a line. */
  dots?: boolean;
  stepped?: boolean;
}

export interface Axis {
  label: string;
  format: (value: number) => string;
  /** What the axis shows at least. */
  least?: Range;
  /** Nothing beyond is shown: what lies there is drawn on the edge. */
  most?: number;
}

export interface Mark {
  x: number;
  y: number;
  name: string;
}

interface Props {
  title: string;
  says: string;
  note?: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
  /** A promise: a dashed line across at this height. */
  level?: { y: number; name: string } | undefined;
  marks?: readonly Mark[];
  /** The line on which both axes say the same. */
  diagonal?: boolean;
  numbers?: Numbers;
}

const WIDTH = 420;
const HEIGHT = 270;
const BOX: Box = { left: 54, right: WIDTH - 16, top: 14, bottom: HEIGHT - 46 };

export function Lines({ title, says, note, x, y, series, level, marks = [], diagonal = false, numbers }: Props): VNode {
  const spots = series.flatMap((s) => s.spots);
  const across = capped(rangeOf([...spots.map((s) => s.x), ...marks.map((m) => m.x)], x.least ?? null), x.most);
  const up = capped(
    rangeOf([...spots.flatMap((s) => [s.low ?? s.y, s.high ?? s.y]), ...marks.map((m) => m.y), ...(level === undefined ? [] : [level.y])], y.least ?? null),
    y.most,
  );
  const toX = scale(across, BOX.left, BOX.right);
  const toY = scale(up, BOX.bottom, BOX.top);
  const legend: KeyEntry[] = series.map(({ name, ink }) => ({ name, ink }));
  if (level !== undefined) legend.push({ name: level.name, ink: "limit" satisfies Ink });
  return (
    <Frame title={title} says={says} note={note} width={WIDTH} height={HEIGHT} legend={legend} {...(numbers === undefined ? {} : { numbers })}>
      {ticks(up, 4).map((value) => (
        <g key={value}>
          <path class="grid" d={`M${BOX.left} ${toY(value)}H${BOX.right}`} />
          <text x={BOX.left - 7} y={toY(value) + 4} text-anchor="end">
            {y.format(value)}
          </text>
        </g>
      ))}
      {ticks(across, 5).map((value) => (
        <text key={value} x={toX(value)} y={BOX.bottom + 17} text-anchor="middle">
          {x.format(value)}
        </text>
      ))}
      <path class="axis" d={`M${BOX.left} ${BOX.bottom}H${BOX.right}`} />
      <text class="strong" x={(BOX.left + BOX.right) / 2} y={HEIGHT - 8} text-anchor="middle">
        {x.label}
      </text>
      <text class="strong" text-anchor="middle" transform={`translate(11 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)`}>
        {y.label}
      </text>
      {diagonal && <path class="even" d={`M${toX(across[0])} ${toY(across[0])}L${toX(across[1])} ${toY(across[1])}`} />}
      {series.map((s) => (s.dots === true ? null : <path key={s.name} class={`band-${s.ink}`} d={bandOf(banded(s.spots, toX, toY))} />))}
      {level !== undefined && <path class="ink-limit" d={`M${BOX.left} ${toY(level.y)}H${BOX.right}`} />}
      {series.map((s) =>
        s.dots === true ? (
          <Dots key={s.name} series={s} toX={toX} toY={toY} />
        ) : (
          <path key={s.name} class={`ink-${s.ink}`} d={pathOf(s.spots.map((spot) => [toX(spot.x), toY(spot.y)] as const), s.stepped)} />
        ),
      )}
      {marks.map((mark) => (
        <Named key={mark.name} mark={mark} at={toX(mark.x)} down={toY(mark.y)} />
      ))}
    </Frame>
  );
}

function Dots({ series, toX, toY }: { series: Series; toX: (value: number) => number; toY: (value: number) => number }): VNode {
  return (
    <g>
      {series.spots.map((spot) => (
        <g key={spot.x}>
          {spot.low !== undefined && spot.high !== undefined && (
            <path class={`whisker-${series.ink}`} d={`M${toX(spot.x)} ${toY(spot.low)}V${toY(spot.high)}`} />
          )}
          <circle class={`dot-${series.ink}`} cx={toX(spot.x)} cy={toY(spot.y)} r="4" />
        </g>
      ))}
    </g>
  );
}

function Named({ mark, at, down }: { mark: Mark; at: number; down: number }): VNode {
  const left = at > (BOX.left + BOX.right) / 2;
  const low = down < BOX.top + 26;
  return (
    <g>
      <circle class="spot" cx={at} cy={down} r="5" />
      <text class="strong halo" x={left ? at - 9 : at + 9} y={low ? down + 16 : down - 8} text-anchor={left ? "end" : "start"}>
        {mark.name}
      </text>
    </g>
  );
}

function banded(spots: readonly Spot[], toX: (value: number) => number, toY: (value: number) => number): (readonly [number, number, number])[] {
  return spots.flatMap((s) => (s.low === undefined || s.high === undefined ? [] : [[toX(s.x), toY(s.low), toY(s.high)] as const]));
}

function capped([low, high]: Range, most: number | undefined): Range {
  return most === undefined ? [low, high] : [low, Math.max(low + Number.EPSILON, Math.min(high, most))];
}
