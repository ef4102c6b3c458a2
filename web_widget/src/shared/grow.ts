/** A field that grows with its words up to the limit that the style sheet sets. */
import { useLayoutEffect } from "preact/hooks";

function fit(area: HTMLTextAreaElement): void {
  // Hidden, it has no height to measure: it is fitted when it is shown.
  if (area.scrollHeight === 0) return;
  area.style.blockSize = "auto";
  area.style.blockSize = `${area.scrollHeight + 2}px`;
}

/** Fits after each change of `when`, and when the field is shown or gets another width. */
export function useGrowing(field: { current: HTMLTextAreaElement | null }, when: readonly unknown[]): void {
  useLayoutEffect(() => {
    if (field.current !== null) fit(field.current);
  }, [field, ...when]);
  useLayoutEffect(() => {
    const area = field.current;
    if (area === null) return;
    let width = area.clientWidth;
    const watch = new ResizeObserver(() => {
      if (area.clientWidth === width) return;
      width = area.clientWidth;
      fit(area);
    });
    watch.observe(area);
    return () => watch.disconnect();
  }, [field]);
}
