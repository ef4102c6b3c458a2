/** The whole conversation, from its first event, as an agent reads it. */
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { DownIcon, Mark, PageIcon } from "../shared/icons";
import { Markdown, Plain } from "../shared/richtext";
import type { HandoffData } from "../shared/protocol";
import type { Entry } from "../shared/view";
import type { Chat } from "./desk";
import type { PendingWords } from "./outbox";
import { codeWords, REASON_SHORT } from "./words";

const NEAR_END_PX = 120;

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

interface Props {
  chat: Chat;
  customer: string;
  me: string;
  pending: readonly PendingWords[];
  /** A message to show, and how often that was asked for. */
  target: { seq: number; n: number };
  showHandoff: (handoff: HandoffData) => void;
  shownHandoff: string | null;
}

function noticeWords(entry: Extract<Entry, { type: "notice" }>, next: Entry | undefined): string {
  const who = entry.name ?? "An agent";
  const more = entry.text === null ? "" : `: ${entry.text}`;
  switch (entry.code) {
    case "started":
      return entry.text === null ? "Conversation started" : `Conversation started on “${entry.text}”`;
    case "episode":
      return "The customer came back: a new episode";
    case "joined":
      return `${who} joined`;
    case "left":
      return `${who} was gone too long; back at the front of the queue`;
    case "alerted":
      return entry.text === "supervisors" ? "Supervisors were called" : "Everybody online was called";
    case "followed_up":
      return `${who} has written to the customer`;
    case "transferred":
      // A takeover: who passes it on is who joins.
      if (next?.type === "notice" && next.code === "joined" && next.name === entry.name) return `${who} took over`;
      return `${who} passed the conversation on${more}`;
    case "returned":
      return `${who} returned the conversation to the bot${more}`;
    case "cancelled":
      return "The customer stopped waiting; back with the bot";
    case "expired":
      return "Nobody came in time; back with the bot";
    case "closed":
      return entry.text === "customer" ? "The customer ended the conversation" : entry.text === "agent" ? `${who} closed the conversation` : "The conversation was closed";
    case "contact":
      return `The customer left an address${more}`;
    case "discarded":
      return "A late reply of the bot was discarded";
    default:
      return entry.text ?? codeWords(entry.code);
  }
}

type Message = Extract<Entry, { type: "message" }>;

function Line({ entry, customer, first }: { entry: Message; customer: string; first: boolean }): VNode {
  const name = entry.from === "customer" ? (entry.name ?? customer) : (entry.name ?? (entry.from === "bot" ? "Bot" : "Agent"));
  return (
    <article class={`msg ${entry.from}${first ? " first" : ""}`} id={`m${entry.seq}`} tabIndex={-1} aria-label={`${name}, ${TIME.format(new Date(entry.at))}`}>
      {first && (
        <p class="msg-who">
          {entry.from === "bot" && <Mark size={13} />}
          <span dir="auto">{name}</span>
          <time dateTime={entry.at}>{TIME.format(new Date(entry.at))}</time>
        </p>
      )}
      <div class="msg-text" dir="auto">
        {entry.from === "bot" ? <Markdown text={entry.text} /> : <Plain text={entry.text} />}
        {entry.article !== null && (
          <p class="msg-source">
            <PageIcon /> {entry.article.title ?? entry.article.id}
          </p>
        )}
      </div>
      {entry.offered !== undefined && (
        <ul class="msg-offered" aria-label="Offered to choose from">
          {entry.offered.map((label) => (
            <li key={label} dir="auto">
              {label}
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}

export function Transcript({ chat, customer, me, pending, target, showHandoff, shownHandoff }: Props): VNode {
  const log = useRef<HTMLDivElement>(null);
  const near = useRef(true);
  const [below, setBelow] = useState(false);
  const { entries } = chat.view;
  const count = entries.length + pending.length;
  const toEnd = (): void => {
    if (log.current !== null) log.current.scrollTop = log.current.scrollHeight;
  };

  useLayoutEffect(() => {
    near.current = true;
    setBelow(false);
    toEnd();
  }, [chat.id]);
  useLayoutEffect(() => {
    if (near.current) toEnd();
    else setBelow(true);
  }, [count, chat.typing, chat.ready]);
  useEffect(() => {
    const element = log.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => {
      if (near.current) toEnd();
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (target.n === 0) return;
    const message = log.current?.querySelector<HTMLElement>(`#m${target.seq}`);
    if (message == null) return;
    near.current = false;
    message.scrollIntoView({ block: "center" });
    message.focus({ preventScroll: true });
    message.classList.remove("pointed");
    // A frame without the class: the animation starts anew.
    requestAnimationFrame(() => message.classList.add("pointed"));
  }, [target.n]);

  // Told under the agent's last words only, and only until somebody answers them.
  const lastWords = entries.findLast((e) => e.type === "message");
  const seen = lastWords?.from === "agent" && pending.length === 0 && chat.customerSeen >= lastWords.seq;

  const rows: VNode[] = [];
  let day = "";
  entries.forEach((entry, i) => {
    const date = DAY.format(new Date(entry.at));
    if (date !== day) {
      day = date;
      rows.push(
        <p key={`day${entry.seq}`} class="day">
          <span>{date}</span>
        </p>,
      );
    }
    switch (entry.type) {
      case "message": {
        const before = entries[i - 1];
        const first =
          before?.type !== "message" ||
          before.from !== entry.from ||
          before.name !== entry.name ||
          Date.parse(entry.at) - Date.parse(before.at) > 5 * 60_000;
        rows.push(<Line key={entry.seq} entry={entry} customer={customer} first={first} />);
        if (seen && entry === lastWords)
          rows.push(
            <p key="receipt" class="receipt">
              Seen by the customer
            </p>,
          );
        break;
      }
      case "note":
        rows.push(
          <article key={entry.seq} class="note" id={`m${entry.seq}`} tabIndex={-1}>
            <p class="msg-who">
              <strong>Private note</strong> <span dir="auto">{entry.name ?? "Agent"}</span>
              <time dateTime={entry.at}>{TIME.format(new Date(entry.at))}</time>
            </p>
            <div class="msg-text" dir="auto">
              <Plain text={entry.text} />
            </div>
          </article>,
        );
        break;
      case "handoff":
        rows.push(
          <p key={entry.seq} class="event handoff">
            <span>
              Handed to a person: <strong>{REASON_SHORT[entry.handoff.reason]}</strong>
            </span>
            {entry.handoff.evidence != null && (
              <button
                type="button"
                class="link"
                aria-pressed={shownHandoff === entry.handoff.handoff_id}
                onClick={() => showHandoff(entry.handoff)}
              >
                Evidence
              </button>
            )}
            <time dateTime={entry.at}>{TIME.format(new Date(entry.at))}</time>
          </p>,
        );
        break;
      case "notice":
        rows.push(
          <p key={entry.seq} class={entry.code.startsWith("system.") ? "event told" : "event"}>
            <span dir="auto">{noticeWords(entry, entries[i + 1])}</span>
            <time dateTime={entry.at}>{TIME.format(new Date(entry.at))}</time>
          </p>,
        );
        break;
    }
  });
  return (
    <div class="log-room">
      <div
        ref={log}
        class="log"
        role="log"
        aria-live="polite"
        aria-label="Conversation"
        aria-busy={!chat.ready}
        tabIndex={0}
        onScroll={() => {
          const element = log.current;
          if (element === null) return;
          near.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
          if (near.current) setBelow(false);
        }}
      >
        {!chat.ready && entries.length === 0 && <p class="event">Loading the conversation…</p>}
        {rows}
        {pending.map((p) => (
          <article key={p.client_id} class={p.type === "say" ? "msg agent first sending" : "note sending"}>
            <p class="msg-who">
              <span>{p.type === "say" ? me : "Private note"}</span> <span>Sending…</span>
            </p>
            <div class="msg-text" dir="auto">
              <Plain text={p.text} />
            </div>
          </article>
        ))}
        {chat.typing && <p class="typing">{customer} is writing…</p>}
      </div>
      {below && (
        <button type="button" class="below" onClick={toEnd}>
          <DownIcon /> New below
        </button>
      )}
    </div>
  );
}
