/** The chat on the left, and on the right what led to the turn that is looked at. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Studio } from "../page";
import type { Choice } from "../../shared/protocol";
import type { Tried } from "../protocol_teach";
import { BotBubble, ChatRoom, CustomerBubble } from "../ui/bubble";
import { Button } from "../ui/button";
import { Why } from "./try_why";

/** What is talked to: the live release, with or without the draft, or a release of its own. */
export interface Of {
  draft: boolean;
  release: string | null;
}

interface Turn {
  n: number;
  text: string;
  of: Of;
  answer: Tried | null;
  error: string | null;
}

/** The relay's own choice: no bot is asked. */
const HUMAN = "human";
const MOST = 4000;

export function TryChat({ session, of, first }: { session: Studio; of: Of; first: string | null }): VNode {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [shown, setShown] = useState<number | null>(null);
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [locale, setLocale] = useState("en");
  const field = useRef<HTMLInputElement>(null);
  const log = useRef<HTMLDivElement>(null);
  /** Raised by "Start over": an answer to a conversation that is gone is dropped. */
  const talk = useRef(0);

  const ask = async (words: string, choice: Choice | null = null): Promise<void> => {
    const said = words.trim();
    if (said === "" || busy) return;
    const n = turns.length;
    const here = talk.current;
    setTurns([...turns, { n, text: said, of, answer: null, error: null }]);
    setShown(n);
    if (choice === null) setText("");
    setBusy(true);
    const answer = await session.api.post<Tried>("/try", {
      text: said,
      ...(choice === null ? {} : { choice: choice.id }),
      locale,
      dialogue: turns.findLast((turn) => turn.answer !== null)?.answer?.dialogue ?? null,
      draft: of.draft,
      ...(of.release === null ? {} : { release_id: of.release }),
    });
    if (here !== talk.current) return;
    setBusy(false);
    setTurns((all) => all.map((turn) => (turn.n === n ? { ...turn, answer: answer.ok ? answer.data : null, error: answer.ok ? null : answer.error.message } : turn)));
    field.current?.focus();
  };
  useEffect(() => {
    if (first !== null) void ask(first);
  }, []);
  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [turns]);

  const startOver = (): void => {
    talk.current += 1;
    setTurns([]);
    setShown(null);
    setBusy(false);
    field.current?.focus();
  };
  const last = turns.at(-1);
  const seen = turns.find((turn) => turn.n === shown) ?? null;
  return (
    <div class="try">
      <section class="try-talk" aria-labelledby="try-talk-title">
        <div class="try-top">
          <h2 id="try-talk-title">Conversation</h2>
          <label class="try-locale">
            Language
            <select value={locale} onChange={(event) => setLocale(event.currentTarget.value)}>
              <option value="en">English</option>
              <option value="de">German</option>
              <option value="fr">French</option>
              <option value="es">Spanish</option>
            </select>
          </label>
          <Button small disabled={turns.length === 0} onClick={startOver}>
            Start over
          </Button>
        </div>
        <ChatRoom label="Conversation with the bot">
          <div ref={log} class="try-log" role="log" tabIndex={0} aria-label="Messages">
            {turns.length === 0 && <p class="try-empty">Write what a customer would write, in their words.</p>}
            {turns.map((turn) => (
              <div key={turn.n} class={turn.n === shown ? "try-turn shown" : "try-turn"}>
                <CustomerBubble text={turn.text} />
                {turn.answer?.outcome.replies.map((reply, i) => (
                  <BotBubble key={i} text={reply.text} source={sourceOf(turn.answer, reply.article_id)}>
                    {turn === last && i === (turn.answer?.outcome.replies.length ?? 0) - 1 && (
                      <Choices choices={reply.choices} busy={busy} choose={(choice) => void ask(choice.label, choice)} />
                    )}
                  </BotBubble>
                ))}
                {turn.error !== null && (
                  <p class="try-error" role="alert">
                    {turn.error}{" "}
                    {turn === last && (
                      <Button
                        kind="link"
                        onClick={() => {
                          setTurns(turns.slice(0, -1));
                          setText(turn.text);
                          field.current?.focus();
                        }}
                      >
                        Write it again
                      </Button>
                    )}
                  </p>
                )}
                {turn.answer !== null && (
                  <button type="button" class="try-why link" aria-pressed={turn.n === shown} onClick={() => setShown(turn.n)}>
                    {turn.n === shown ? "Explained under Why" : "Why this answer?"}
                    <span class="sr"> To “{turn.text}”</span>
                  </button>
                )}
              </div>
            ))}
            {busy && <p class="try-wait">…</p>}
          </div>
          <form
            class="try-write"
            onSubmit={(event) => {
              event.preventDefault();
              void ask(text);
            }}
          >
            <input
              ref={field}
              type="text"
              aria-label="Message to the bot"
              placeholder="Write as a customer…"
              dir="auto"
              autocomplete="off"
              maxLength={MOST}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
            <Button type="submit" kind="primary" busy={busy}>
              Send
            </Button>
          </form>
        </ChatRoom>
      </section>
      <section class="try-side" aria-labelledby="try-why-title">
        <h2 id="try-why-title">Why</h2>
        {seen?.answer == null ? (
          <p class="try-empty">{busy ? "The bot is thinking." : "Here stands what led to the bot’s words: how sure it was, what it looked at, and the rule that decided."}</p>
        ) : (
          <Why tried={seen.answer} of={seen.of} />
        )}
      </section>
    </div>
  );
}

function Choices({ choices, busy, choose }: { choices: readonly Choice[]; busy: boolean; choose: (choice: Choice) => void }): VNode | null {
  const [called, setCalled] = useState(false);
  if (choices.length === 0) return null;
  return (
    <>
      <div class="choices">
        {choices.map((choice) =>
          choice.id === HUMAN ? (
            <button key={choice.id} type="button" class="choice quiet" onClick={() => setCalled(true)}>
              {choice.label}
            </button>
          ) : (
            <button key={choice.id} type="button" class="choice" disabled={busy} onClick={() => choose(choice)}>
              {choice.label}
            </button>
          ),
        )}
      </div>
      <p class="try-called" role="status">
        {called && "A customer who presses this waits for a person from here on. Nobody is called from this page."}
      </p>
    </>
  );
}

function sourceOf(tried: Tried | null, article: string | null): string | null {
  if (tried === null || article === null) return null;
  return tried.outcome.decision.passages.find((passage) => passage.article_id === article)?.title ?? article;
}
