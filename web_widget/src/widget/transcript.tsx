/** What was said, in order, with what may be chosen now. */
import type { ComponentChildren, VNode } from "preact";
import { Mark, PageIcon, PersonIcon } from "../shared/icons";
import { HUMAN_CHOICE } from "../shared/protocol";
import { Markdown, Plain } from "../shared/richtext";
import type { Entry } from "../shared/view";
import type { Client, ClientState, Pending } from "./client";
import { dayOf, dayWords, timeWords } from "./clock";
import { handoffWords, noticeWords, titleOf, words } from "./strings";

interface Props {
  client: Client;
  state: ClientState;
  locale: string;
}

/** Messages of one side that follow each other within this time share one heading and one time. */
const GROUP_MS = 4 * 60_000;

type Message = Extract<Entry, { type: "message" }>;

function follows(before: Entry | undefined, entry: Message): boolean {
  return (
    before?.type === "message" &&
    before.from === entry.from &&
    before.name === entry.name &&
    Date.parse(entry.at) - Date.parse(before.at) < GROUP_MS &&
    dayOf(before.at) === dayOf(entry.at)
  );
}

function Avatar({ from, name }: { from: "bot" | "agent"; name: string | null }): VNode {
  const initial = name?.trim().charAt(0).toUpperCase() ?? "";
  return (
    <span class={`avatar ${from}`} aria-hidden="true">
      {from === "bot" ? <Mark size={16} /> : initial === "" ? <PersonIcon /> : initial}
    </span>
  );
}

function speaker(entry: Message): string {
  if (entry.from === "customer") return words.you;
  return entry.name ?? (entry.from === "bot" ? words.assistant : words.support);
}

function Bubble({ entry, first, last, children, locale }: {
  entry: Message;
  first: boolean;
  last: boolean;
  locale: string;
  children?: ComponentChildren;
}): VNode {
  const own = entry.from === "customer";
  return (
    <div class={`row ${entry.from}${first ? " first" : ""}`} data-seq={entry.seq}>
      {!own && first && (
        <div class="who" aria-hidden="true">
          <Avatar from={entry.from === "bot" ? "bot" : "agent"} name={entry.name} />
          {speaker(entry)}
        </div>
      )}
      <div class="bubble" dir="auto">
        {/* With a direction of its own: the words alone tell that of the bubble. */}
        <span class="sr" dir="auto">{`${speaker(entry)}: `}</span>
        {entry.from === "bot" ? <Markdown text={entry.text} /> : <Plain text={entry.text} />}
        {entry.article !== null && (
          <div class="source">
            <PageIcon />
            <span>
              {words.source}: <cite>{titleOf(entry.article)}</cite>
            </span>
          </div>
        )}
      </div>
      {children}
      {last && (
        <time class="meta" dateTime={entry.at}>
          {timeWords(entry.at, locale)}
        </time>
      )}
    </div>
  );
}

function Choices({ client, state }: { client: Client; state: ClientState }): VNode | null {
  const offer = state.view.offer;
  // While waiting, what is on offer comes from the relay: the bot's answer after an outage, or to wait on.
  if (offer === null || (state.view.state !== "bot" && state.view.state !== "waiting")) return null;
  // Words on their way answer it; words that were refused do not.
  if (state.pending.some((p) => p.status !== "failed")) return null;
  const human = offer.choices.find((c) => c.id === HUMAN_CHOICE);
  const others = offer.choices.filter((c) => c.id !== HUMAN_CHOICE);
  return (
    <div class="choices" role="group" aria-label="Suggested answers">
      {others.map((choice) => (
        <button key={choice.id} type="button" class="choice" dir="auto" onClick={() => client.say(choice.label, choice.id)}>
          {choice.label}
        </button>
      ))}
      {human !== undefined && (
        <button type="button" class="choice quiet" dir="auto" onClick={() => client.say(human.label, human.id)}>
          {human.label}
        </button>
      )}
    </div>
  );
}

function PendingRow({ pending, client }: { pending: Pending; client: Client }): VNode {
  return (
    <div class={`row customer first ${pending.status}`}>
      <div class="bubble" dir="auto">
        <span class="sr" dir="auto">{`${words.you}: `}</span>
        <Plain text={pending.text} />
      </div>
      {pending.status === "failed" ? (
        <div class="meta bad" role="alert">
          <span>
            {words.failed} {pending.error?.message}
          </span>
          <button type="button" class="link" onClick={() => client.retry(pending)}>
            {words.retry}
          </button>
          <button type="button" class="link" onClick={() => client.discard(pending)}>
            {words.discard}
          </button>
        </div>
      ) : (
        <div class="meta">{pending.status === "sending" ? words.sending : words.sent}</div>
      )}
    </div>
  );
}

function lineOf(entry: Exclude<Entry, Message>, next: Entry | undefined): string | null {
  if (entry.type === "handoff") return handoffWords(entry.handoff.reason);
  if (entry.type === "note") return null;
  if (entry.code.startsWith("system.")) return null;
  // The relay says in its own words what became of the wait.
  if (entry.code === "expired") return next?.type === "notice" && next.code.startsWith("system.") ? null : words.statusBot;
  return noticeWords(entry.code, entry.name, entry.text);
}

export function Transcript({ client, state, locale }: Props): VNode {
  const now = new Date();
  const shown = state.view.entries.filter((e) => e.type !== "note");
  const lastOwn = shown.findLast((e) => e.type === "message" && e.from === "customer");
  const rows: VNode[] = [];
  let day = "";
  shown.forEach((entry, i) => {
    const before = shown[i - 1];
    const next = shown[i + 1];
    if (entry.type === "notice" && (entry.code === "started" || entry.code === "discarded")) return;
    if (dayOf(entry.at) !== day) {
      day = dayOf(entry.at);
      rows.push(
        <div key={`day-${day}`} class="day">
          <span>{dayWords(entry.at, locale, now)}</span>
        </div>,
      );
    }
    if (entry.type === "message") {
      const last = next?.type !== "message" || !follows(entry, next);
      // Told under the last words only, and only until they are answered.
      const own = entry === lastOwn && state.pending.length === 0 && !shown.slice(i + 1).some((e) => e.type === "message");
      rows.push(
        <Bubble key={entry.seq} entry={entry} first={!follows(before, entry)} last={last && !own} locale={locale}>
          {own && (
            <div class="meta">
              {timeWords(entry.at, locale)} · {state.agentSeen >= entry.seq ? words.seen : words.sent}
            </div>
          )}
        </Bubble>,
      );
      return;
    }
    if (entry.type === "notice" && entry.code.startsWith("system.") && entry.text !== null) {
      rows.push(
        <div key={entry.seq} class="notice" dir="auto">
          {entry.text}
        </div>,
      );
      return;
    }
    const line = lineOf(entry, next);
    if (line !== null)
      rows.push(
        <div key={entry.seq} class="line" dir="auto">
          <span>{line}</span>
        </div>,
      );
  });
  return (
    <>
      {rows}
      <Choices client={client} state={state} />
      {state.pending.map((p) => (
        <PendingRow key={p.client_id} pending={p} client={client} />
      ))}
    </>
  );
}

export function Greeting({ text }: { text: string }): VNode {
  return (
    <div class="row bot first">
      <div class="who" aria-hidden="true">
        <Avatar from="bot" name={null} />
        {words.assistant}
      </div>
      <div class="bubble" dir="auto">
        <span class="sr" dir="auto">{`${words.assistant}: `}</span>
        <Plain text={text} />
      </div>
    </div>
  );
}

export function Typing({ state }: { state: ClientState }): VNode | null {
  const typing = state.typing;
  if (typing === null) return null;
  const name = typing.name ?? (typing.from === "bot" ? words.assistant : words.support);
  return (
    <div class="row bot first typing">
      <div class="bubble dots" role="img" aria-label={words.typing(name)}>
        <i />
        <i />
        <i />
      </div>
    </div>
  );
}
