/** What Baton does, and what customers see of it. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Api } from "../api";
import { ArticleSearch } from "../pages/article_search";
import type { Article } from "../protocol";
import type { Does } from "../protocol_intents";
import { href } from "../router";
import { BotBubble, ChatRoom, CustomerBubble } from "../ui/bubble";
import { Button } from "../ui/button";
import { Chips, Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { DOES } from "./words";

interface Props {
  api: Api;
  does: Does;
  /** Of a text in no other language. */
  locale: string;
  error: string | null;
  example: string;
  change: (does: Does) => void;
}

function first(kind: Does["kind"], locale: string): Does {
  switch (kind) {
    case "say":
      return { kind, texts: { [locale]: "" } };
    case "article":
      return { kind, article_id: "" };
    case "person":
      return { kind, reason: "" };
    default:
      return { kind };
  }
}

export function DoesEditor({ api, does, locale, error, example, change }: Props): VNode {
  // What was written under another choice comes back with it.
  const [kept, setKept] = useState<Partial<Record<Does["kind"], Does>>>({});
  const choose = (kind: Does["kind"]): void => {
    setKept({ ...kept, [does.kind]: does });
    change(kept[kind] ?? first(kind, locale));
  };
  return (
    <>
      <Chips label="What Baton does" value={does.kind} options={DOES} choose={choose} />
      <div class="does-body">
        {does.kind === "say" && <Say does={does} error={error} example={example} change={change} />}
        {does.kind === "article" && <Answers api={api} id={does.article_id} error={error} example={example} change={change} />}
        {does.kind === "person" && (
          <Field
            label="Why a person takes over"
            hint="The agent reads this on the card. The customer is told that a colleague looks after it."
            error={error}
          >
            {(ids) => <input {...ids} dir="auto" autocomplete="off" maxLength={200} value={does.reason} onInput={(event) => change({ kind: "person", reason: event.currentTarget.value })} />}
          </Field>
        )}
        {does.kind === "order_status" && <p class="field-told">Baton asks for the order’s number and tells where the order is.</p>}
        {does.kind === "nothing" && <p class="field-told">A draft. The bot does not learn it until you choose what it does.</p>}
      </div>
    </>
  );
}

function Preview({ example, text, source = null }: { example: string; text: string; source?: string | null }): VNode | null {
  if (text.trim() === "") return null;
  return (
    <div class="does-preview">
      <p class="preview-name">As customers see it</p>
      <ChatRoom label="Preview">
        {example !== "" && <CustomerBubble text={example} />}
        <BotBubble text={text} source={source} />
      </ChatRoom>
    </div>
  );
}

function Say({ does, error, example, change }: { does: Extract<Does, { kind: "say" }>; error: string | null; example: string; change: (does: Does) => void }): VNode {
  const [adding, setAdding] = useState("");
  const locales = Object.keys(does.texts);
  const [shown, setShown] = useState(locales[0] ?? "en");
  const add = (): void => {
    const tag = adding.trim();
    if (!/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(tag) || locales.includes(tag)) return;
    change({ kind: "say", texts: { ...does.texts, [tag]: "" } });
    setShown(tag);
    setAdding("");
  };
  return (
    <>
      {locales.map((tag) => (
        <Field
          key={tag}
          label={
            locales.length === 1 ? (
              "The text"
            ) : (
              <>
                The text in <bdi>{tag}</bdi>
              </>
            )
          }
          hint="**bold**, lists and [links](https://…) as in an article. Customers get the language of their page, else the first."
          error={tag === locales[0] ? error : null}
        >
          {(ids) => (
            <div class="say-row">
              <textarea
                {...ids}
                rows={5}
                dir="auto"
                maxLength={20_000}
                value={does.texts[tag] ?? ""}
                onFocus={() => setShown(tag)}
                onInput={(event) => change({ kind: "say", texts: { ...does.texts, [tag]: event.currentTarget.value } })}
              />
              {locales.length > 1 && (
                <Button
                  kind="link"
                  onClick={() => {
                    change({ kind: "say", texts: Object.fromEntries(Object.entries(does.texts).filter(([other]) => other !== tag)) });
                    setShown(locales.find((other) => other !== tag) ?? "en");
                  }}
                >
                  Remove<span class="sr"> the text in {tag}</span>
                </Button>
              )}
            </div>
          )}
        </Field>
      ))}
      <div class="add-locale">
        <input aria-label="Language to add" placeholder="de, pt-BR, …" autocomplete="off" maxLength={35} value={adding} onInput={(event) => setAdding(event.currentTarget.value)} />
        <Button small onClick={add}>
          Add a language
        </Button>
      </div>
      <Preview example={example} text={does.texts[shown] ?? does.texts[locales[0] ?? ""] ?? ""} />
    </>
  );
}

function Answers({ api, id, error, example, change }: { api: Api; id: string; error: string | null; example: string; change: (does: Does) => void }): VNode {
  const [searching, setSearching] = useState(false);
  const load = useLoad<{ article: Article }>(api, id === "" ? null : `/articles/${encodeURIComponent(id)}`);
  const article = load.data?.article ?? null;
  return (
    <>
      <p class="chosen-article">
        {article !== null && (
          <a href={href("articles", article.id)} dir="auto">
            {article.title}
          </a>
        )}
        {id !== "" && load.error !== null && <span>The article {id} is not there.</span>}
        <Button onClick={() => setSearching(true)}>{id === "" ? "Choose the article" : "Choose another article"}</Button>
      </p>
      {error !== null && (
        <p class="field-told wrong" role="alert">
          {error}
        </p>
      )}
      {article !== null && <Preview example={example} text={article.answer} source={article.title} />}
      {searching && (
        <ArticleSearch
          api={api}
          title="Answer with an article"
          first={example}
          close={() => setSearching(false)}
          choose={(found) => {
            setSearching(false);
            change({ kind: "article", article_id: found.id });
          }}
        />
      )}
    </>
  );
}
