/** What a page keeps of its conversation: shared by all tabs of the site. */
import type { QueuedCommand } from "../shared/link";
import type { StartRequest } from "./api";
import { storageKey } from "./options";

export interface Kept {
  /** The request that starts the conversation, word for word: a retry, from any tab or page, finds the same one. */
  start: StartRequest | null;
  conversation: string | null;
  token: string | null;
  /** The last `seq` the customer has had before their eyes. */
  seen: number;
  /** Commands that no `ack` answered yet. */
  outbox: QueuedCommand[];
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const kept = value as Partial<Kept>;
  return typeof kept.start === "object" && typeof kept.seen === "number" && Array.isArray(kept.outbox);
}

export class Store {
  readonly #key: string;
  /** Where storage is forbidden, the page remembers as long as it lives. */
  #memory: Kept | null = null;

  constructor(base: string) {
    this.#key = storageKey(base);
  }

  read(): Kept | null {
    try {
      const raw = localStorage.getItem(this.#key);
      if (raw === null) return null;
      const value: unknown = JSON.parse(raw);
      return isKept(value) ? value : null;
    } catch {
      return this.#memory;
    }
  }

  /** Changes what is stored now, not what this tab once read: another tab may have written since. */
  update(change: (kept: Kept) => Kept): Kept {
    const fresh: Kept = { start: null, conversation: null, token: null, seen: 0, outbox: [] };
    const kept = change(this.read() ?? fresh);
    this.#memory = kept;
    try {
      localStorage.setItem(this.#key, JSON.stringify(kept));
    } catch {
      // Full or forbidden: `#memory` serves this page.
    }
    return kept;
  }

  forget(): void {
    this.#memory = null;
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // Forbidden: nothing was stored.
    }
  }

  /** Calls back when another tab changed it. */
  watch(changed: () => void, signal: AbortSignal): void {
    addEventListener(
      "storage",
      (event) => {
        if (event.key === this.#key) changed();
      },
      { signal },
    );
  }
}
