/** A past conversation asked again: what the bot did then beside what it would do now. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { share } from "../figures";
import { differs, type Verdict, verdictWords } from "../judge";
import type { Studio } from "../page";
import type { PastConversation, ReplayedTurn } from "../protocol_teach";
import { href } from "../router";
import { moveBetween } from "../rows";
import { useLoad } from "../ui/load";
import { Badge, EmptyState, LoadFailed, Spinner } from "../ui/parts";
import { type Column, Table } from "../ui/table";
import { count, when } from "../words";
import type { Of } from "./try_chat";

const SHOWN = 50;

export function Replay({ session, of, chosen, choose }: { session: Studio; of: Of; chosen: string | null; choose: (id: string) => void }): VNode {
  const past = useLoad<{ conversations: PastConversation[] }>(session.api, "/conversations", { limit: SHOWN });
  const list = useRef<HTMLUListElement>(null);
  const rows = past.data?.conversations ?? [];
  if (past.data === null) return past.error === null ? <Spinner /> : <LoadFailed error={past.error} again={past.again} />;
  if (rows.length === 0 && chosen === null)
    return (
      <EmptyState title="No conversations yet">
        <p>Once customers have talked to the bot, their conversations can be asked again here.</p>
      </EmptyState>
    );
  return (
    <div class="replay">
      <section aria-labelledby="replay-list-title">
        <h2 id="replay-list-title">Conversations</h2>
        <ul
          ref={list}
          class="past"
          aria-label="Past conversations"
          onKeyDown={(event) => {
            if (list.current !== null) moveBetween(event, list.current, "button");
          }}
        >
          {rows.map((row) => (
            <li key={row.id}>
              <button type="button" class="past-row" aria-pressed={row.id === chosen} onClick={() => choose(row.id)}>
                <span dir="auto">{row.preview}</span>
                <small>
                  {when(row.at)}, {count(row.turns, "turn")}
                </small>
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="replay-title" class="replay-shown">
        <h2 id="replay-title">Then and now</h2>
        {chosen === null ? <p class="try-empty">Choose a conversation. Each of its turns is asked again, in order.</p> : <Replayed key={`${chosen} ${of.draft}`} session={session} of={of} id={chosen} />}
      </section>
    </div>
  );
}

function Replayed({ session, of, id }: { session: Studio; of: Of; id: string }): VNode {
  const [turns, setTurns] = useState<ReplayedTurn[] | null>(null);
  const [error, setError] = useState<{ code: string; message: string } | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setError(null);
    const body = { conversation_id: id, draft: of.draft, ...(of.release === null ? {} : { release_id: of.release }) };
    void session.api.post<{ turns: ReplayedTurn[] }>("/replay", body, stop.signal).then((answer) => {
      if (stop.signal.aborted) return;
      if (answer.ok) setTurns(answer.data.turns);
      else setError(answer.error);
    });
    return () => stop.abort();
  }, [session.api, id, round]);
  if (error !== null) return <LoadFailed error={error} again={() => setRound(round + 1)} />;
  if (turns === null) return <Spinner label="Asking every turn again…" />;
  const changed = turns.filter(changes).length;
  const columns: Column<ReplayedTurn>[] = [
    { name: "Customer", cell: (turn) => <span dir="auto">{turn.text}</span> },
    { name: "Then", cell: (turn) => <Did verdict={turn.then} /> },
    { name: "Now", cell: (turn) => <Did verdict={turn.now} /> },
    {
      name: "Difference",
      cell: (turn) =>
        turn.now === null ? <span class="same">Words erased</span> : turn.then === null ? <Badge>New</Badge> : changes(turn) ? <Badge tone="warn">Changed</Badge> : <span class="same">Same</span>,
    },
  ];
  return (
    <>
      <p class="replay-sum" role="status">
        {changed === 0 ? `All ${count(turns.length, "turn")} would go as they did.` : `${changed} of ${count(turns.length, "turn")} would go differently.`}{" "}
        {turns[0] !== undefined && <a href={href("try", null, { text: turns[0].text, release: of.release })}>Begin a chat like it</a>}
      </p>
      <Table caption="The turns of the conversation, then and now" columns={columns} rows={turns} id={(turn) => String(turn.turn)} current={changes} />
    </>
  );
}

function changes({ then, now }: ReplayedTurn): boolean {
  return then !== null && now !== null && differs(then, now);
}

function Did({ verdict }: { verdict: Verdict | null }): VNode {
  if (verdict === null) return <span>–</span>;
  return (
    <>
      {verdict.kind === "answer" && verdict.article_id !== null ? (
        <>
          Answered: <a href={href("articles", verdict.article_id)}>{verdict.title ?? verdict.article_id}</a>
        </>
      ) : (
        verdictWords(verdict)
      )}{" "}
      <small class="sure">{share(verdict.confidence, 0)} sure</small>
    </>
  );
}
