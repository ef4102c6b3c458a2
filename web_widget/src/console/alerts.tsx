/** One line above the board while customers wait for whom agents, or supervisors, were called. */
import type { VNode } from "preact";
import type { InboxItem } from "../shared/protocol";
import { customerName } from "./words";

export interface Calls {
  /** Those of the loudest level, the oldest first. */
  items: InboxItem[];
  level: "agents" | "supervisors";
}

/** The calls that are for this agent; null: none. Who is away is called as a supervisor only. */
export function callsFor(items: Iterable<InboxItem>, supervises: boolean, away: boolean): Calls | null {
  const called = [...items].filter(
    (item) =>
      item.state === "waiting" &&
      ((supervises && item.alert === "supervisors") || (!away && (item.alert === "agents" || item.alert === "supervisors"))),
  );
  if (called.length === 0) return null;
  called.sort((a, b) => (a.waiting_since ?? "").localeCompare(b.waiting_since ?? ""));
  const loud = supervises ? called.filter((item) => item.alert === "supervisors") : [];
  return loud.length > 0 ? { items: loud, level: "supervisors" } : { items: called, level: "agents" };
}

export function callWords(calls: Calls): string {
  const [first] = calls.items;
  const who = calls.items.length === 1 && first !== undefined ? `${customerName(first)} is` : `${calls.items.length} customers are`;
  return calls.level === "supervisors" ? `${who} waiting too long: supervisors are called.` : `${who} still waiting: everybody online is called.`;
}

export function Alerts({ calls, open }: { calls: Calls | null; open: (id: string) => void }): VNode {
  const [first] = calls?.items ?? [];
  const loud = calls?.level === "supervisors";
  return (
    <div class={`alert-room${loud ? " loud" : ""}`}>
      {/* Regions that stay while their words change: only then are they read out. */}
      <p role="status">{calls !== null && !loud ? callWords(calls) : ""}</p>
      <p role="alert">{calls !== null && loud ? callWords(calls) : ""}</p>
      {first !== undefined && (
        <button type="button" onClick={() => open(first.conversation_id)}>
          Open<span class="sr"> the chat that waits longest</span>
        </button>
      )}
    </div>
  );
}
