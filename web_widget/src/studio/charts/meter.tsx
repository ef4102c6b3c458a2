/** A share on a bar, with the value it has to reach as a mark across. The words beside it say the same. */
import type { VNode } from "preact";

const WIDTH = 240;

export type Tone = "good" | "warn" | "bad" | "plain";

export function Meter({ value, threshold, tone }: { value: number; threshold?: number | undefined; tone: Tone }): VNode {
  const x = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
  return (
    <svg class="meter" viewBox={`0 0 ${WIDTH} 14`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="meter-room" x="0" y="4" width={WIDTH} height="6" rx="3" />
      <rect class={`meter-${tone}`} x="0" y="4" width={Math.max(2, x(value))} height="6" rx="3" />
      {threshold !== undefined && <rect class="meter-mark" x={Math.min(WIDTH - 2, x(threshold))} y="0" width="2" height="14" />}
    </svg>
  );
}
