import type { VNode } from "preact";

function Icon({ d, size = 20 }: { d: string; size?: number }): VNode {
  return (
    <svg viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" class="icon">
      <path d={d} fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export const CloseIcon = (): VNode => <Icon d="M5 5l10 10M15 5L5 15" />;
export const SendIcon = (): VNode => <Icon d="M10 16V4M4.5 9.500L10 4l5.5 5.5" />;
export const PersonIcon = ({ size = 16 }: { size?: number }): VNode => (
  <Icon size={size} d="M10 9.800a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.600ZM3.8 17c.5-3.1 3-4.9 6.2-4.900s5.7 1.8 6.2 4.9" />
);
export const PageIcon = (): VNode => <Icon size={14} d="M5.5 2.800h6.200l3.3 3.300v11.100H5.500ZM8 9.500h4.500M8 12.700h4.5" />;
export const DownIcon = (): VNode => <Icon size={14} d="M10 4v12M5 11l5 5 5-5" />;

/** The mark of Baton: two hands' strokes and what passes between them. */
export const Mark = ({ size = 22 }: { size?: number }): VNode => (
  <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" class="icon">
    <path d="M6.2 17.800L17.8 6.2" stroke="currentColor" stroke-width="5.5" stroke-linecap="round" />
    <path d="M3.5 9.500a9 9 0 0 1 6-6M20.5 14.500a9 9 0 0 1-6 6" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" opacity=".75" />
  </svg>
);
