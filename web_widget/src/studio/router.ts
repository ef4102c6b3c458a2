/** Where one is in the studio: the address's hash, read and written. */

export const PAGES = ["overview", "review", "articles", "intents", "changes", "import", "try", "incidents", "training", "releases", "settings", "activity"] as const;

export type PageName = (typeof PAGES)[number];

export interface Route {
  page: PageName;
  /** `#/articles/returns` -> `returns`; null where the page itself is meant. */
  id: string | null;
  query: URLSearchParams;
}

const WITH_ID: ReadonlySet<PageName> = new Set<PageName>(["articles", "intents", "review", "releases"]);

/** No article and no intent can have this id. */
export const NEW_ARTICLE = "+";

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** null: there is no such page. */
export function parseRoute(hash: string): Route | null {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s, 2);
  const query = new URLSearchParams(search);
  const parts = path.split("/").filter((part) => part !== "");
  const [name, raw, ...more] = parts;
  if (name === undefined) return { page: "overview", id: null, query };
  const page = PAGES.find((known) => known === name);
  if (page === undefined || more.length > 0) return null;
  if (raw === undefined) return page === "releases" ? { page: "training", id: null, query } : { page, id: null, query };
  const id = decoded(raw);
  return id === null || !WITH_ID.has(page) ? null : { page, id, query };
}

/** The link to a page: `href("articles", "returns")` -> `#/articles/returns`. Empty values of `query` are left out. */
export function href(page: PageName, id: string | null = null, query: Record<string, string | null | undefined> = {}): string {
  const path = page === "overview" ? "#/" : `#/${page}${id === null ? "" : `/${encodeURIComponent(id)}`}`;
  const kept = new URLSearchParams(Object.entries(query).filter((entry): entry is [string, string] => entry[1] != null && entry[1] !== ""));
  const search = kept.toString();
  return search === "" ? path : `${path}?${search}`;
}
