/** Small pieces that every page of the studio shares. */
import type { ComponentChildren, VNode } from "preact";
import type { WireError } from "../../shared/protocol";
import { Button } from "./button";

/** The top of a page. The shell puts the focus on its heading when one comes to the page. */
export function PageHead({ title, lead, children }: {
  title: ComponentChildren;
  lead?: ComponentChildren;
  /** What may be done here. */
  children?: ComponentChildren;
}): VNode {
  return (
    <header class="page-head">
      <div class="page-title">
        <h1 id="page-title" tabIndex={-1}>
          <bdi>{title}</bdi>
        </h1>
        {lead !== undefined && <p class="page-lead">{lead}</p>}
      </div>
      {children !== undefined && <div class="page-actions">{children}</div>}
    </header>
  );
}

export type Tone = "plain" | "good" | "warn" | "bad";

/** A word about a state: the colour never says it alone. */
export function Badge({ tone = "plain", children }: { tone?: Tone; children: ComponentChildren }): VNode {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** Where there is nothing, what that means and what to do. */
export function EmptyState({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  return (
    <div class="empty-state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Spinner({ label = "Loading…" }: { label?: string }): VNode {
  return (
    <p class="spinner" role="status">
      <span class="spin" aria-hidden="true" /> {label}
    </p>
  );
}

/** `total` 0: nobody knows yet how much there is. */
export function Progress({ label, done, total }: { label: string; done: number; total: number }): VNode {
  return total > 0 ? (
    <progress class="progress" aria-label={label} value={Math.min(done, total)} max={total} />
  ) : (
    <progress class="progress" aria-label={label} />
  );
}

/** A box of words that belong to a page, not to a moment. */
export function Notice({ tone = "plain", title, children }: { tone?: Tone; title?: string; children?: ComponentChildren }): VNode {
  return (
    <div class={`notice-box ${tone}`} role={tone === "bad" ? "alert" : "note"}>
      {title !== undefined && <p class="notice-title">{title}</p>}
      {children}
    </div>
  );
}

/** What a page shows where its content could not be fetched. */
export function LoadFailed({ error, again }: { error: WireError; again: () => void }): VNode {
  return (
    <Notice tone="bad" title={error.code === "unreachable" ? "The server cannot be reached" : "This could not be loaded"}>
      <p>{error.message}</p>
      <p>
        <Button onClick={again}>Try again</Button>
      </p>
    </Notice>
  );
}
