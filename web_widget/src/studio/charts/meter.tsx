/** A share on a bar, with the value it has to reach as a mark across. The words beside it say the same. */
import type { VNode } from "preact";

const WIDTH = 240;
/** Room for the round ends, which are as wide as high however the bar is stretched. */
const INSET = 3;

export type Tone = "good" | "warn" | "bad" | "plain";

export function Meter({ value, threshold, tone }: { value: number; threshold?: number | undefined; tone: Tone }): VNode {
  const x = (share: number): number => Math.round(INSET + Math.min(1, Math.max(0, share)) * (WIDTH - 2 * INSET));
  return (
    <svg class="meter" viewBox={`0 0 ${WIDTH} 14`} preserveAspectRatio="none" aria-hidden="true">
      <path class="meter-room" d={`M${INSET} 7H${WIDTH - INSET}`} />
      <path class={`meter-${tone}`} d={`M${INSET} 7H${x(value)}`} />
      {threshold !== undefined && <path class="meter-mark" d={`M${x(threshold)} 0V14`} />}
    </svg>
  );
}
