/** All articles: found, filtered, sorted by the server, which sends a page of them. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { PageProps } from "../page";
import type { ArticleList, ArticleRow } from "../protocol";
import { href, NEW_ARTICLE } from "../router";
import { StateBadges } from "../states";
import { Chips } from "../ui/field";
import { useLoad } from "../ui/load";
import { Pager } from "../ui/pager";
import { EmptyState, LoadFailed, PageHead, Spinner } from "../ui/parts";
import { Table } from "../ui/table";
import { count, when } from "../words";

const LIMIT = 50;
const PAUSE_MS = 180;

const STATES = [
  { value: "all", label: "All" },
  { value: "changed", label: "Changed, not live" },
  { value: "new", label: "New" },
  { value: "draft", label: "Drafts" },
  { value: "live", label: "Live" },
  { value: "expired", label: "Expired" },
] as const;

const SORTS = { updated: "Last changed", title: "Title", questions: "Number of variants" } as const;

const COLUMNS = [
  {
    name: "Title",
    cell: (row: ArticleRow): VNode => (
      <a class="row-link" href={href("articles", row.id)} dir="auto">
        {row.title}
      </a>
    ),
  },
  { name: "State", cell: (row: ArticleRow): VNode => <StateBadges row={row} /> },
  { name: "Variants", numeric: true, cell: (row: ArticleRow): number => row.questions },
  { name: "Tags", wide: true, cell: (row: ArticleRow): string => row.tags.join(", ") },
  { name: "Language", wide: true, cell: (row: ArticleRow): string => row.locale },
  {
    name: "Changed",
    cell: (row: ArticleRow): VNode => (
      <span class="changed">
        <time dateTime={row.updated_at}>{when(row.updated_at)}</time> <span dir="auto">by {row.updated_by}</span>
      </span>
    ),
  },
];

/** Arrows go from row to row, `n` makes an article, `/` goes to the search; only where nobody writes. */
function useKeys(go: PageProps["go"], search: { current: HTMLInputElement | null }, list: { current: HTMLElement | null }): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
      const at = event.target instanceof HTMLElement ? event.target : null;
      const searching = at === search.current;
      if (!searching && at?.matches("input, textarea, select") === true) return;
      const links = [...(list.current?.querySelectorAll<HTMLElement>(".row-link") ?? [])];
      const here = links.findIndex((link) => link === document.activeElement);
      if (event.key === "ArrowDown") links[Math.min(here + 1, links.length - 1)]?.focus();
      else if (event.key === "ArrowUp" && here >= 0) (here === 0 ? search.current : links[here - 1])?.focus();
      else if (event.key === "n" && !searching) go(href("articles", NEW_ARTICLE));
      else if (event.key === "/" && !searching) search.current?.focus();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [go]);
}

export function Articles({ session, go, route }: PageProps): VNode {
  const asked = Object.fromEntries(["q", "state", "tag", "locale", "sort", "offset"].map((name) => [name, route.query.get(name) ?? ""])) as Record<
    "q" | "state" | "tag" | "locale" | "sort" | "offset",
    string
  >;
  const offset = Math.max(0, Number.parseInt(asked.offset, 10) || 0);
  const load = useLoad<ArticleList>(session.api, "/articles", { ...asked, offset, limit: LIMIT });
  const [q, setQ] = useState(asked.q);
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  useKeys(go, search, list);

  const show = (change: Partial<typeof asked>): void => go(href("articles", null, { ...asked, offset: "", ...change }), { replace: true });
  useEffect(() => {
    if (q.trim() === asked.q) return;
    const timer = setTimeout(() => show({ q: q.trim() }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [q]);

  const { data, error } = load;
  const state = STATES.find(({ value }) => value === asked.state)?.value ?? "all";
  const filtered = asked.q !== "" || asked.tag !== "" || asked.locale !== "" || state !== "all";
  const tags = data?.tags ?? [];
  return (
    <>
      <PageHead title="Articles" lead="What the assistant knows. Changes reach customers when you publish them.">
        <a class="button" href={href("import")}>
          Import
        </a>
        <a class="button primary" href={href("articles", NEW_ARTICLE)} aria-keyshortcuts="n">
          New article
        </a>
      </PageHead>
      <div class="filters" role="search" aria-label="Articles">
        <input
          ref={search}
          class="find"
          type="search"
          aria-label="Search articles"
          placeholder="Search titles, variants and answers"
          value={q}
          onInput={(event) => setQ(event.currentTarget.value)}
        />
        <label class="inline">
          Tag
          <select value={asked.tag} onChange={(event) => show({ tag: event.currentTarget.value })}>
            <option value="">All</option>
            {tags.map(({ name, n }) => (
              <option key={name} value={name}>
                {name} ({n})
              </option>
            ))}
          </select>
        </label>
        {(data?.locales.length ?? 0) > 1 && (
          <label class="inline">
            Language
            <select value={asked.locale} onChange={(event) => show({ locale: event.currentTarget.value })}>
              <option value="">All</option>
              {data?.locales.map((locale) => (
                <option key={locale} value={locale}>
                  {locale}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="inline">
          Sort by
          <select value={asked.sort === "" ? "updated" : asked.sort} onChange={(event) => show({ sort: event.currentTarget.value })}>
            {Object.entries(SORTS).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <Chips label="State" value={state} options={STATES} choose={(value) => show({ state: value === "all" ? "" : value })} />
      </div>
      <p class="result-count" role="status">
        {data !== null && count(data.total, "article")}
        {filtered && data !== null && " found"}
      </p>
      {error !== null && <LoadFailed error={error} again={load.again} />}
      {data === null && error === null && <Spinner />}
      {data !== null && data.total === 0 && (
        <EmptyState title={filtered ? "Nothing matches" : "No articles yet"}>
          {filtered ? (
            <p>
              <a href={href("articles")} onClick={() => setQ("")}>
                Show all articles
              </a>
            </p>
          ) : (
            <p>
              Write the first one, or <a href={href("import")}>import what you have</a>.
            </p>
          )}
        </EmptyState>
      )}
      {data !== null && data.articles.length > 0 && (
        <div ref={list} class={load.loading ? "list loading" : "list"}>
          <Table caption="Articles" columns={COLUMNS} rows={data.articles} id={(row) => row.id} />
          <Pager offset={offset} limit={LIMIT} total={data.total} show={(to) => show({ offset: to === 0 ? "" : String(to) })} />
          <p class="keys-told">
            <kbd>↓</kbd> <kbd>↑</kbd> move, <kbd>Enter</kbd> opens, <kbd>n</kbd> new article, <kbd>/</kbd> search
          </p>
        </div>
      )}
    </>
  );
}
