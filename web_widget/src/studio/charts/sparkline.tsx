/** A few weeks of daily counts as small bars: the shape of a trend beside its words. */
import type { VNode } from "preact";
import { trendWords } from "./trend";

const STEP = 6;
const HEIGHT = 24;

export function Sparkline({ counts, ends = "today" }: { counts: readonly number[]; ends?: string }): VNode {
  const most = Math.max(1, ...counts);
  const width = counts.length * STEP;
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${HEIGHT}`} width={width} height={HEIGHT} role="img" aria-label={trendWords(counts, ends)}>
      {counts.map((count, i) => {
        const tall = count <= 0 ? 1 : Math.max(2, Math.round((count / most) * HEIGHT));
        return <rect key={i} class={count <= 0 ? "spark-none" : "spark-bar"} x={i * STEP} y={HEIGHT - tall} width={STEP - 2} height={tall} rx="1" />;
      })}
    </svg>
  );
}
