/** What stands around every page: where one can go, what is live, what came of what one did. */
import type { VNode } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Login } from "../shared/login";
import type { Session } from "../shared/session";
import { Api } from "./api";
import { unsaved } from "./guard";
import { Nav } from "./nav";
import { pageFor } from "./pages";
import type { Studio } from "./page";
import type { Summary } from "./protocol";
import { href, parseRoute, type Route } from "./router";
import { StatusBar } from "./status";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { EmptyState, PageHead } from "./ui/parts";
import { Toasts, useToasts } from "./ui/toast";
import { refusal } from "./words";

export const TITLE = "Baton studio";
export const LEAD = "Log in to teach the assistant.";

const SUMMARY_MS = 10_000;
/** While something trains, one wants to see it move. */
const BUSY_SUMMARY_MS = 1_500;

/** The route, and how to change it. A change that would lose work is asked about first. */
function useRoute(): { route: Route | null; go: (hash: string, options?: { leave?: boolean; replace?: boolean }) => void; asking: Asking | null } {
  const [hash, setHash] = useState(location.hash);
  const [asking, setAsking] = useState<Asking | null>(null);
  const shown = useRef(location.hash);
  const free = useRef(false);
  const go = useCallback((to: string, options: { leave?: boolean; replace?: boolean } = {}): void => {
    free.current = options.leave === true;
    if (options.replace === true) {
      history.replaceState(null, "", to);
      shown.current = to;
      setHash(to);
    } else location.hash = to;
  }, []);
  useEffect(() => {
    const changed = (): void => {
      const to = location.hash;
      if (to === shown.current) return;
      const words = free.current ? null : unsaved();
      free.current = false;
      if (words !== null && parseRoute(to)?.page !== undefined) {
        history.pushState(null, "", shown.current === "" ? "#/" : shown.current);
        setAsking({
          words,
          stay: () => setAsking(null),
          leave: () => {
            setAsking(null);
            go(to, { leave: true });
          },
        });
        return;
      }
      shown.current = to;
      setHash(to);
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, [go]);
  return { route: useMemo(() => parseRoute(hash), [hash]), go, asking };
}

interface Asking {
  words: string;
  stay: () => void;
  leave: () => void;
}

/** Asked again and again; quicker while something runs, not at all while nobody looks. */
function useSummary(api: Api): { summary: Summary | null; refresh: () => void } {
  const [summary, setSummary] = useState<Summary | null>(null);
  const [turn, setTurn] = useState(0);
  const running = summary?.job?.state === "running" || summary?.job?.state === "queued";
  useEffect(() => {
    const stop = new AbortController();
    const ask = (): void => {
      if (document.visibilityState === "hidden") return;
      void api.get<Summary>("/summary", {}, stop.signal).then((answer) => {
        if (answer.ok && !stop.signal.aborted) setSummary(answer.data);
      });
    };
    ask();
    const timer = setInterval(ask, running ? BUSY_SUMMARY_MS : SUMMARY_MS);
    document.addEventListener("visibilitychange", ask);
    return () => {
      stop.abort();
      clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [api, running, turn]);
  return { summary, refresh: useCallback(() => setTurn((n) => n + 1), []) };
}

export function Shell({ session, leave }: { session: Session; leave: () => void }): VNode {
  /** Set while the session has ended: takes the next one. */
  const [locked, setLocked] = useState<((next: Session) => void) | null>(null);
  const [reached, setReached] = useState(true);
  const api = useMemo(
    () => new Api(session, () => new Promise<Session>((resolve) => setLocked(() => resolve)), setReached),
    [session],
  );
  const { route, go, asking } = useRoute();
  const { summary, refresh } = useSummary(api);
  const { toasts, tell, drop } = useToasts();
  const studio = useMemo<Studio>(
    () => ({ agent: session.agent, api, summary, refresh, tell, refused: (error) => tell(refusal(error), true) }),
    [session, api, summary, refresh, tell],
  );

  const place = route === null ? "" : `${route.page}/${route.id ?? ""}`;
  const before = useRef(place);
  useLayoutEffect(() => {
    if (before.current === place) return;
    before.current = place;
    scrollTo(0, 0);
    document.getElementById("page-title")?.focus({ preventScroll: true });
  }, [place]);
  useEffect(() => {
    const heading = document.getElementById("page-title");
    if (heading === null) return;
    const name = (): void => {
      document.title = `${heading.textContent} · ${TITLE}`;
    };
    name();
    const watch = new MutationObserver(name);
    watch.observe(heading, { childList: true, characterData: true, subtree: true });
    return () => watch.disconnect();
  }, [place]);

  const Shown = route === null ? null : pageFor(route);
  return (
    <>
      <div class="studio" hidden={locked !== null}>
        <a
          class="skip"
          href="#page-title"
          onClick={(event) => {
            event.preventDefault();
            document.getElementById("page-title")?.focus();
          }}
        >
          Skip to the page
        </a>
        <Nav page={route?.page ?? null} summary={summary} agent={session.agent} leave={() => (unsaved() === null || confirm("Leave without saving?") ? leave() : undefined)} />
        <div class="content">
          <StatusBar summary={summary} reached={reached} />
          <main class="page">
            {Shown === null || route === null ? (
              <>
                <PageHead title="There is no such page" />
                <EmptyState title="The address leads nowhere">
                  <p>
                    <a href={href("overview")}>Go to the overview</a>
                  </p>
                </EmptyState>
              </>
            ) : (
              <Shown key={place} session={studio} go={go} route={route} />
            )}
          </main>
        </div>
        {asking !== null && (
          <Dialog title="Leave without saving?" close={asking.stay}>
            <p>{asking.words}</p>
            <div class="buttons">
              <Button onClick={asking.leave}>Leave</Button>
              <Button kind="primary" onClick={asking.stay}>
                Stay here
              </Button>
            </div>
          </Dialog>
        )}
        <Toasts toasts={toasts} drop={drop} />
      </div>
      {locked !== null && (
        <Login
          title={TITLE}
          lead={LEAD}
          expired
          done={(next) => {
            // Somebody else now sits here: nothing of the one before is theirs.
            if (next.agent.id !== session.agent.id) location.reload();
            else {
              setLocked(null);
              locked(next);
            }
          }}
        />
      )}
    </>
  );
}
