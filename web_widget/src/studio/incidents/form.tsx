/** What is down, whom it concerns, and when there is news: said to customers at once. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CloseIcon } from "../../shared/icons";
import { publishedWords } from "../changes/words";
import { timeZone, toLocal, toUtc } from "../dates";
import { useUnsaved } from "../guard";
import type { Studio } from "../page";
import { ArticleSearch } from "../pages/article_search";
import type { Article, Incident, IncidentAnswer } from "../protocol";
import { BotBubble, ChatRoom } from "../ui/bubble";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { linesOf } from "../variants";
import { count } from "../words";

/** An article by its title, once that is known. */
export function ArticleName({ session, id, title }: { session: Studio; id: string; title?: string | undefined }): VNode {
  const load = useLoad<{ article: Article }>(session.api, title === undefined ? `/articles/${encodeURIComponent(id)}` : null);
  return <bdi>{title ?? load.data?.article.title ?? id}</bdi>;
}

interface Props {
  session: Studio;
  /** What is changed; null: a new one. */
  incident: Incident | null;
  open: number;
  done: () => void;
  close: () => void;
}

export function IncidentForm({ session, incident, open, done, close }: Props): VNode {
  const [text, setText] = useState(incident?.text ?? "");
  const [ids, setIds] = useState<readonly string[]>(incident?.article_ids ?? []);
  const [titles, setTitles] = useState<Record<string, string>>({});
  const [phrases, setPhrases] = useState(incident?.phrases.join("\n") ?? "");
  const [since, setSince] = useState(incident === null ? `${new Date().toISOString().slice(0, 19)}Z` : incident.since);
  const [news, setNews] = useState<string | null>(incident?.next_news ?? null);
  const [locale, setLocale] = useState(incident?.locale ?? "en");
  const [tell, setTell] = useState(true);
  const [searching, setSearching] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<{ field: string; message: string } | null>(null);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (wrong !== null) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrong]);
  // What one came for: to say what is down.
  useEffect(() => form.current?.querySelector("textarea")?.focus(), []);
  useUnsaved(text !== (incident?.text ?? "") ? "The notice has not been told yet." : null);
  const write = (set: (value: string) => void, value: string): void => {
    setWrong(null);
    set(value);
  };
  const at = (field: string): string | null => (wrong?.field === field ? wrong.message : null);

  const send = async (): Promise<void> => {
    const lines = linesOf(phrases);
    if (text.trim() === "") {
      setWrong({ field: "text", message: "Say what does not work." });
      return;
    }
    if (ids.length + lines.length === 0) {
      setWrong({ field: "phrases", message: "Name articles or questions: else nobody would get it." });
      return;
    }
    setWrong(null);
    setBusy(true);
    const body = { incident: { text: text.trim(), article_ids: ids, phrases: lines, since, next_news: news, locale: locale.trim() }, tell_open: tell };
    const answer = incident === null ? await session.api.post<IncidentAnswer>("/incidents", body) : await session.api.put<IncidentAnswer>(`/incidents/${encodeURIComponent(incident.id)}`, body);
    setBusy(false);
    if (answer.ok) {
      session.tell(publishedWords(incident === null ? "The notice is open" : "The notice is changed", answer.data));
      session.refresh();
      done();
    } else if (typeof answer.error.data?.field === "string") setWrong({ field: answer.error.data.field, message: answer.error.message });
    else session.refused(answer.error);
  };

  return (
    <>
    <form
      ref={form}
      class="incident-form"
      aria-label={incident === null ? "A new notice" : "Change the notice"}
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void send();
      }}
    >
      <div class="incident-main">
        <Field label="What customers are told" hint="What is down, what still works, what they can do meanwhile." error={at("text")}>
          {(told) => <textarea {...told} rows={5} dir="auto" maxLength={2000} value={text} onInput={(event) => write(setText, event.currentTarget.value)} />}
        </Field>
        <Field label="Questions it concerns" hint="One per line, as customers ask them. Questions that mean the same get the notice too." error={at("phrases") ?? at("article_ids")}>
          {(told) => <textarea {...told} rows={3} dir="auto" value={phrases} onInput={(event) => write(setPhrases, event.currentTarget.value)} />}
        </Field>
        <fieldset class="plain-set">
          <legend>Articles it concerns</legend>
          {ids.length > 0 && (
            <ul class="tag-list" aria-label="Articles it concerns">
              {ids.map((id) => (
                <li key={id} class="tag">
                  <ArticleName session={session} id={id} title={titles[id]} />
                  <button type="button" aria-label={`Remove ${titles[id] ?? id}`} onClick={() => setIds(ids.filter((other) => other !== id))}>
                    <CloseIcon />
                  </button>
                </li>
              ))}
            </ul>
          )}
          <Button onClick={() => setSearching(true)}>Add an article</Button>
        </fieldset>
        <div class="field-row">
          <Field label="Down since" error={at("since")}>
            {(told) => <input {...told} type="datetime-local" value={toLocal(since)} onInput={(event) => setSince(toUtc(event.currentTarget.value) ?? since)} />}
          </Field>
          <Field label="Next news (optional)" hint={`Your time, ${timeZone()}.`} error={at("next_news")}>
            {(told) => <input {...told} type="datetime-local" value={toLocal(news)} onInput={(event) => setNews(toUtc(event.currentTarget.value))} />}
          </Field>
          <Field label="Language" error={at("locale")}>
            {(told) => <input {...told} maxLength={20} autocomplete="off" value={locale} onInput={(event) => setLocale(event.currentTarget.value)} />}
          </Field>
        </div>
        <label class="check">
          <input type="checkbox" checked={tell} onChange={(event) => setTell(event.currentTarget.checked)} />
          <span>
            Tell the {count(open, "conversation")} that {open === 1 ? "is" : "are"} open now
            <small>Everybody else is told when they ask about it.</small>
          </span>
        </label>
        <div class="buttons start">
          <Button type="submit" kind="primary" busy={busy}>
            {busy ? "Telling…" : incident === null ? "Tell customers now" : "Tell the change now"}
          </Button>
          <Button onClick={close}>Cancel</Button>
        </div>
      </div>
      <div class="answer-see">
        <h2>As customers see it</h2>
        <ChatRoom label="Preview of the notice">
          <BotBubble text={text.trim() === "" ? "…" : text} />
        </ChatRoom>
      </div>
    </form>
      {searching && (
        <ArticleSearch
          api={session.api}
          title="Which article does it concern?"
          close={() => setSearching(false)}
          choose={(article) => {
            if (!ids.includes(article.id)) setIds([...ids, article.id]);
            setTitles({ ...titles, [article.id]: article.title });
            setSearching(false);
          }}
        />
      )}
    </>
  );
}
