import type { VNode } from "preact";
import { Button } from "./button";

/** From page to page of what the server sends in pieces. */
export function Pager({ offset, limit, total, show }: { offset: number; limit: number; total: number; show: (offset: number) => void }): VNode | null {
  if (total <= limit && offset === 0) return null;
  return (
    <nav class="pager" aria-label="Pages">
      <Button disabled={offset === 0} onClick={() => show(Math.max(0, offset - limit))}>
        Previous
      </Button>
      <span>
        {Math.min(offset + 1, total)} to {Math.min(offset + limit, total)} of {total.toLocaleString("en-GB")}
      </span>
      <Button disabled={offset + limit >= total} onClick={() => show(offset + limit)}>
        Next
      </Button>
    </nav>
  );
}
