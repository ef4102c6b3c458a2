/** Up and down between the rows of a list, for those who work by keyboard. */

/** Moves the focus among `selector`s inside the list that heard the key; at the ends it stays. True: it moved. */
export function moveBetween(event: KeyboardEvent, list: HTMLElement, selector: string): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const rows = [...list.querySelectorAll<HTMLElement>(selector)];
  const here = rows.findIndex((row) => row === document.activeElement);
  if (here < 0) return false;
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return false;
  event.preventDefault();
  rows[Math.max(0, Math.min(rows.length - 1, to))]?.focus();
  return true;
}
