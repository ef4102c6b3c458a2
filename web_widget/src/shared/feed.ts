/** The cursor of one conversation: proves by `seq` and `prev` that nothing is missing, doubled or overtaken. */
import type { BatonEvent } from "./protocol";

export type Verdict =
  | "apply"
  /** Already held: the resend of an interrupted stream. */
  | "known"
  /** Something before it is missing: ask again from the cursor. */
  | "gap";

export class Feed {
  /** The last `seq` held; 0: none. */
  cursor = 0;

  judge(event: Pick<BatonEvent, "seq" | "prev">): Verdict {
    if (event.seq <= this.cursor) return "known";
    if (event.prev !== this.cursor) return "gap";
    this.cursor = event.seq;
    return "apply";
  }

  reset(): void {
    this.cursor = 0;
  }
}
