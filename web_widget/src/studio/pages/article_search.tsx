/** Finds one article by its words: write, go down, Enter. */
import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Api } from "../api";
import type { ArticleList, ArticleRow } from "../protocol";
import { moveBetween } from "../rows";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { LoadFailed } from "../ui/parts";
import { count } from "../words";

const SHOWN = 12;

export function ArticleSearch({ api, title, first = "", close, choose }: {
  api: Api;
  title: string;
  /** Told as an example of what is looked for. */
  first?: string;
  close: () => void;
  choose: (article: ArticleRow) => void;
}): VNode {
  const [words, setWords] = useState("");
  const list = useRef<HTMLUListElement>(null);
  const found = useLoad<ArticleList>(api, "/articles", { q: words.trim(), limit: SHOWN });
  const rows = found.data?.articles ?? [];
  return (
    <Dialog title={title} close={close}>
      {first !== "" && (
        <p class="field-told" dir="auto">
          For questions such as “{first}”
        </p>
      )}
      <Field label="Search articles">
        {(ids) => (
          <input
            {...ids}
            type="search"
            autocomplete="off"
            value={words}
            onInput={(event) => setWords(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "ArrowDown") return;
              event.preventDefault();
              list.current?.querySelector("button")?.focus();
            }}
          />
        )}
      </Field>
      <p class="sr" role="status">
        {found.loading ? "" : count(found.data?.total ?? 0, "article")}
      </p>
      {found.error !== null && <LoadFailed error={found.error} again={found.again} />}
      <ul
        ref={list}
        class="found"
        aria-label="Articles"
        onKeyDown={(event) => {
          if (list.current !== null) moveBetween(event, list.current, "button");
        }}
      >
        {rows.map((article) => (
          <li key={article.id}>
            <button type="button" class="found-row" onClick={() => choose(article)}>
              <span dir="auto">{article.title}</span>
              <small>
                {count(article.questions, "variant")}
                {article.status === "draft" && ", draft"}
              </small>
            </button>
          </li>
        ))}
      </ul>
      {!found.loading && found.error === null && rows.length === 0 && <p class="field-told">No article has these words.</p>}
    </Dialog>
  );
}
