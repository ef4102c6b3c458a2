/** Where data stands in a chart. Pure. */

export type Range = readonly [low: number, high: number];

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The range of `values`, with `least` in it; an empty one is widened, so that nothing is divided by zero. */
export function rangeOf(values: readonly number[], least: Range | null = null): Range {
  let [low, high] = least ?? [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  return low === high ? [low, low + 1] : [low, high];
}

/** Data to pixels, clamped to the ends: what lies outside is drawn on the edge. */
export function scale([low, high]: Range, from: number, to: number): (value: number) => number {
  const span = high - low || 1;
  return (value) => rounded(from + (to - from) * Math.min(1, Math.max(0, (value - low) / span)));
}

/** Round numbers between `low` and `high`, some `about` of them. */
export function ticks([low, high]: Range, about = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const found: number[] = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) found.push(Number((n * step).toPrecision(12)));
  return found;
}

/** A path through points; with `stepped`, each value holds until the next one. */
export function pathOf(spots: readonly (readonly [number, number])[], stepped = false): string {
  return spots.map(([x, y], i) => (i === 0 ? `M${x} ${y}` : stepped ? `H${x}V${y}` : `L${x} ${y}`)).join("");
}

/** The outline of what lies between a lower and an upper edge; empty for fewer than two spots. */
export function bandOf(spots: readonly (readonly [x: number, low: number, high: number])[]): string {
  if (spots.length < 2) return "";
  const there = spots.map(([x, , high]) => `${x} ${high}`);
  const back = spots.toReversed().map(([x, low]) => `${x} ${low}`);
  return `M${[...there, ...back].join("L")}Z`;
}

/** At most `most` of `rows`, evenly taken, with the first and the last: for tables beside a curve of hundreds of points. */
export function thinned<T>(rows: readonly T[], most: number): T[] {
  if (rows.length <= most) return [...rows];
  const found: T[] = [];
  for (let n = 0; n < most; n += 1) {
    const row = rows[Math.round((n * (rows.length - 1)) / (most - 1))];
    if (row !== undefined) found.push(row);
  }
  return found;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
