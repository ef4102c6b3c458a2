/** The left column: who waits, whom I have, who is with colleagues. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { InboxItem } from "../shared/protocol";
import type { Chat, Desk, DeskState } from "./desk";
import { sortItems } from "./queue_order";
import { customerName, REASON_SHORT, waitShort } from "./words";

/** From here on a wait is shown as long. */
const LONG_WAIT_MS = 5 * 60_000;

function waitOf(item: InboxItem, now: number): number | null {
  if (item.waiting_since == null) return null;
  const since = Date.parse(item.waiting_since);
  return Number.isNaN(since) ? null : Math.max(0, now - since);
}

function Row({ item, desk, state, now }: { item: InboxItem; desk: Desk; state: DeskState; now: number }): VNode {
  const id = item.conversation_id;
  const chat = state.chats.get(id);
  const mine = item.holder?.id === state.me.id;
  const unread = mine && chat?.ready === true ? unreadOf(chat) : 0;
  const wait = item.state === "waiting" ? waitOf(item, now) : null;
  const draft = state.drafts[id];
  return (
    <li>
      <button
        type="button"
        class={`item${unread > 0 ? " unread" : ""}`}
        data-id={id}
        aria-current={state.selected === id}
        onClick={() => desk.select(id)}
      >
        <span class="item-top">
          <span class="item-name" dir="auto">
            {customerName(item)}
          </span>
          {wait !== null && (
            <span class={wait >= LONG_WAIT_MS ? "wait long" : "wait"}>
              <span class="sr">Waiting for </span>
              {waitShort(wait)}
            </span>
          )}
          {unread > 0 && (
            <span class="count">
              {unread}
              <span class="sr"> unread</span>
            </span>
          )}
        </span>
        <span class="item-preview" dir="auto">
          {chat?.typing === true ? <em>writing…</em> : (item.preview ?? "")}
        </span>
        <span class="item-tags">
          {item.alert != null && item.state === "waiting" && (
            <span class={`chip called ${item.alert}`}>{item.alert === "supervisors" ? "Supervisors called" : "Everybody called"}</span>
          )}
          {item.follow_up != null && <span class="chip">Write to {item.follow_up.email}</span>}
          {item.reason != null && <span class={`chip ${item.reason}`}>{REASON_SHORT[item.reason]}</span>}
          {item.customer?.verified === true && <span class="chip ok">Verified</span>}
          {draft !== undefined && <span class="chip draft">Draft</span>}
          {!mine && item.holder != null && <span class="item-holder">{item.holder.name}</span>}
        </span>
      </button>
    </li>
  );
}

/** Customer's words that nobody here has looked at or answered. */
function unreadOf(chat: Chat): number {
  const answered = chat.view.entries.findLast((e) => e.type === "message" && e.from === "agent")?.seq ?? 0;
  const from = Math.max(chat.seen, answered);
  return chat.view.entries.filter((e) => e.type === "message" && e.from === "customer" && e.seq > from).length;
}

export function Queue({ desk, state, now }: { desk: Desk; state: DeskState; now: number }): VNode {
  const [showOutage, setShowOutage] = useState(false);
  const [showOthers, setShowOthers] = useState(false);
  const lists = sortItems(state.items.values(), state.me.id);
  const rows = (items: InboxItem[]): VNode => (
    <ul class="items">
      {items.map((item) => (
        <Row key={item.conversation_id} item={item} desk={desk} state={state} now={now} />
      ))}
    </ul>
  );
  const waiting = lists.waiting.length + lists.outage.length;
  const longest = lists.outage[0] === undefined ? null : waitOf(lists.outage[0], now);
  return (
    <nav class="queue" aria-label="Chats">
      <section aria-labelledby="mine-title">
        <h2 id="mine-title">
          My chats <span class="tally">{lists.mine.length}</span>
        </h2>
        {lists.mine.length > 0 ? rows(lists.mine) : <p class="empty">None yet. Claim one below.</p>}
      </section>
      <section aria-labelledby="waiting-title">
        <h2 id="waiting-title">
          Waiting <span class="tally">{waiting}</span>
        </h2>
        {lists.waiting.length > 0 && rows(lists.waiting)}
        {lists.outage.length > 0 && (
          <>
            <button type="button" class="fold" aria-expanded={showOutage} onClick={() => setShowOutage(!showOutage)}>
              <span class="fold-mark" aria-hidden="true" />
              <span>
                Bot outage: {lists.outage.length} {lists.outage.length === 1 ? "chat" : "chats"}
              </span>
              {longest !== null && <span class="wait">{waitShort(longest)}</span>}
            </button>
            {showOutage && rows(lists.outage)}
          </>
        )}
        {waiting === 0 && <p class="empty">{state.known ? "Nobody is waiting." : "Loading…"}</p>}
      </section>
      {lists.followUps.length > 0 && (
        <section aria-labelledby="follow-ups-title">
          <h2 id="follow-ups-title">
            To be written to <span class="tally">{lists.followUps.length}</span>
          </h2>
          {rows(lists.followUps)}
        </section>
      )}
      {lists.others.length > 0 && (
        <section aria-label="With colleagues">
          <button type="button" class="fold" aria-expanded={showOthers} onClick={() => setShowOthers(!showOthers)}>
            <span class="fold-mark" aria-hidden="true" />
            <span>With colleagues: {lists.others.length}</span>
          </button>
          {showOthers && rows(lists.others)}
        </section>
      )}
    </nav>
  );
}
