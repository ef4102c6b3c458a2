/** What an agent sent and nobody has answered yet: as shown, and as kept over a reload. */
import type { QueuedCommand } from "../shared/link";
import type { Command } from "../shared/protocol";

export interface PendingWords {
  client_id: string;
  conversation_id: string;
  type: "say" | "note";
  text: string;
  logged: number | null;
}

const OUTBOX = "baton:console:outbox";

export function toPending(command: Command): PendingWords[] {
  const { type, client_id, conversation_id, text } = command;
  if ((type !== "say" && type !== "note") || typeof conversation_id !== "string" || typeof text !== "string") return [];
  return [{ client_id, conversation_id, type, text, logged: null }];
}

/** Survives a reload of this tab, and is nobody else's: the next person to log in here must not send it. */
export function readOutbox(agent: string): QueuedCommand[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(OUTBOX) ?? "null") as { agent: string; queue: QueuedCommand[] } | null;
    return kept?.agent === agent ? kept.queue : [];
  } catch {
    return [];
  }
}

export function writeOutbox(agent: string, queue: readonly QueuedCommand[]): void {
  try {
    sessionStorage.setItem(OUTBOX, JSON.stringify({ agent, queue }));
  } catch {
    // Forbidden or full: resent after a lost connection all the same, only not after a reload.
  }
}
