/** Who stands where: pure, from the inbox's items. */
import type { InboxItem } from "../shared/protocol";

export interface Lists {
  /** Longest waiting first. */
  waiting: InboxItem[];
  /** Waiting because the bot was down: one folded line, so that an outage does not bury the queue. */
  outage: InboxItem[];
  mine: InboxItem[];
  /** Held by colleagues. */
  others: InboxItem[];
  /** Left an address and wait to be written to; the oldest first. */
  followUps: InboxItem[];
}

function since(item: InboxItem): number {
  const at = item.waiting_since == null ? Number.NaN : Date.parse(item.waiting_since);
  return Number.isNaN(at) ? Number.MAX_SAFE_INTEGER : at;
}

function byWait(a: InboxItem, b: InboxItem): number {
  return since(a) - since(b) || a.conversation_id.localeCompare(b.conversation_id);
}

export function sortItems(items: Iterable<InboxItem>, me: string): Lists {
  const lists: Lists = { waiting: [], outage: [], mine: [], others: [], followUps: [] };
  for (const item of items) {
    if (item.state === "waiting") (item.group === "bot_error" ? lists.outage : lists.waiting).push(item);
    else if (item.state === "agent") (item.holder?.id === me ? lists.mine : lists.others).push(item);
    else if (item.follow_up != null) lists.followUps.push(item);
  }
  lists.waiting.sort(byWait);
  lists.outage.sort(byWait);
  lists.followUps.sort((a, b) => (a.follow_up?.since ?? "").localeCompare(b.follow_up?.since ?? ""));
  lists.mine.sort((a, b) => a.conversation_id.localeCompare(b.conversation_id));
  lists.others.sort((a, b) => (a.holder?.name ?? "").localeCompare(b.holder?.name ?? ""));
  return lists;
}
