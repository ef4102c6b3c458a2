/** Where one can go. At the side; on a phone the four main pages at the bottom and the others behind "More". */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Mark } from "../shared/icons";
import type { Agent } from "../shared/protocol";
import { loadTheme, saveTheme, type Theme } from "../shared/theme";
import { NavIcon } from "./icons";
import type { Summary } from "./protocol";
import { href, type PageName } from "./router";
import { Button } from "./ui/button";

interface Item {
  page: PageName;
  label: string;
  /** How many things wait there. */
  waiting?: (summary: Summary) => number;
}

const MAIN: readonly Item[] = [
  { page: "overview", label: "Overview" },
  { page: "review", label: "Review", waiting: (s) => s.review.groups },
  { page: "articles", label: "Articles" },
  { page: "changes", label: "Changes", waiting: (s) => s.changed },
];
const MORE: readonly Item[] = [
  { page: "intents", label: "Intents" },
  { page: "try", label: "Try it" },
  { page: "training", label: "Training" },
  { page: "incidents", label: "Incidents" },
  { page: "import", label: "Import and export" },
  { page: "settings", label: "Settings" },
  { page: "activity", label: "Activity" },
];

function Items({ items, page, summary }: { items: readonly Item[]; page: PageName | null; summary: Summary | null }): VNode {
  const current = page === "releases" ? "training" : page;
  return (
    <>
      {items.map((item) => {
        const waiting = summary === null ? 0 : (item.waiting?.(summary) ?? 0);
        return (
          <li key={item.page}>
            <a href={href(item.page)} aria-current={item.page === current ? "page" : undefined}>
              <NavIcon page={item.page} />
              <span class="nav-label">{item.label}</span>
              {waiting > 0 && (
                <span class="nav-count">
                  {waiting > 999 ? "999+" : waiting}
                  <span class="sr"> waiting</span>
                </span>
              )}
            </a>
          </li>
        );
      })}
    </>
  );
}

export function Nav({ page, summary, agent, leave }: { page: PageName | null; summary: Summary | null; agent: Agent; leave: () => void }): VNode {
  const [more, setMore] = useState(false);
  const [theme, setTheme] = useState<Theme>(loadTheme);
  useEffect(() => setMore(false), [page]);
  useEffect(() => {
    if (!more) return;
    const escape = (event: KeyboardEvent): void => {
      if (event.key === "Escape") setMore(false);
    };
    document.addEventListener("keydown", escape);
    return () => document.removeEventListener("keydown", escape);
  }, [more]);
  return (
    <nav class={more ? "nav more-open" : "nav"} aria-label="Studio">
      <p class="brand">
        <span class="mark">
          <Mark size={18} />
        </span>
        Baton studio
      </p>
      <ul class="nav-main">
        <Items items={MAIN} page={page} summary={summary} />
        <li class="nav-more-item">
          <button type="button" class="nav-more-button" aria-expanded={more} aria-controls="nav-more" onClick={() => setMore(!more)}>
            <NavIcon page="more" />
            <span class="nav-label">More</span>
          </button>
        </li>
      </ul>
      <div id="nav-more" class="nav-more">
        <ul>
          <Items items={MORE} page={page} summary={summary} />
        </ul>
        <div class="nav-foot">
          <label class="theme">
            <span>Colours</span>
            <select
              value={theme}
              onChange={(event) => {
                const next = event.currentTarget.value as Theme;
                setTheme(next);
                saveTheme(next);
              }}
            >
              <option value="auto">As the system</option>
              <option value="light">Light</option>
              <option value="dark">Dark</option>
            </select>
          </label>
          <p class="nav-me">
            <span dir="auto">{agent.name}</span>
            <Button kind="link" onClick={leave}>
              Log out
            </Button>
          </p>
        </div>
      </div>
    </nav>
  );
}
