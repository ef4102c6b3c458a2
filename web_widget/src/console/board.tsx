/** An agent's screen: queue, conversation, evidence. */
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Mark } from "../shared/icons";
import { type HandoffData, textLength } from "../shared/protocol";
import { type Session, whoAmI } from "../shared/session";
import { Alerts, callsFor } from "./alerts";
import { Composer, type Mode } from "./composer";
import { Desk, type DeskState } from "./desk";
import { CloseDialog, HelpDialog, ReturnDialog, SettingsDialog } from "./dialogs";
import { Evidence } from "./evidence";
import { actionFor } from "./keys";
import { armSound, chime, desktopNotice } from "./notify";
import { Queue } from "./queue";
import { loadSettings, saveSettings, type Settings } from "./settings";
import { Transcript } from "./transcript";
import { customerName, STATE_WORDS, waitShort } from "./words";

type Open = "help" | "settings" | "return" | "close" | null;

const TELL_AFTER_MS = 1_500;

interface Props {
  session: Session;
  leave: () => void;
  expired: () => void;
}

function useDesk(session: Session, settings: { current: Settings }, expired: () => void): { desk: Desk | null; state: DeskState | null } {
  const [desk, setDesk] = useState<Desk | null>(null);
  const [state, setState] = useState<DeskState | null>(null);
  useEffect(() => {
    const made = new Desk(session.agent, {
      presence: () => settings.current.presence,
      arrived: (item) => {
        if (settings.current.sound) chime();
        if (settings.current.desktop)
          desktopNotice("Somebody waits", `${customerName(item)}: ${item.preview ?? ""}`, () => made.select(item.conversation_id));
      },
      called: (item) => {
        if (settings.current.desktop)
          desktopNotice("Somebody waits too long", customerName(item), () => made.select(item.conversation_id));
      },
      doubt: () => {
        void whoAmI().then((answer) => {
          if (!answer.ok && answer.status === 401) expired();
        });
      },
    });
    const stop = made.subscribe(() => setState(made.state));
    setDesk(made);
    setState(made.state);
    return () => {
      stop();
      made.destroy();
    };
  }, [session.agent.id]);
  return { desk, state };
}

/** The server's time, each second: waits grow before the agent's eyes. */
function useNow(desk: Desk | null): number {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  return desk?.now() ?? Date.now();
}

function useLost(state: DeskState | null): boolean {
  const broken = state !== null && state.phase !== "ready";
  const [long, setLong] = useState(false);
  useEffect(() => {
    if (!broken) {
      setLong(false);
      return;
    }
    const timer = setTimeout(() => setLong(true), TELL_AFTER_MS);
    return () => clearTimeout(timer);
  }, [broken]);
  return broken && long;
}

export function Board({ session, leave, expired }: Props): VNode | null {
  const [settings, setSettings] = useState(loadSettings);
  const latest = useRef(settings);
  latest.current = settings;
  const { desk, state } = useDesk(session, latest, expired);
  const now = useNow(desk);
  const lost = useLost(state);
  const [open, setOpen] = useState<Open>(null);
  const [mode, setMode] = useState<Mode>("say");
  const [target, setTarget] = useState({ seq: 0, n: 0 });
  const [chosen, setChosen] = useState<HandoffData | null>(null);
  const [sideOpen, setSideOpen] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);

  const change = (part: Partial<Settings>): void => {
    const next = { ...latest.current, ...part };
    saveSettings(next);
    setSettings(next);
    document.documentElement.dataset.theme = next.theme;
  };

  const selected = state?.selected ?? null;
  const chat = selected === null ? undefined : state?.chats.get(selected);
  const item = state?.selectedItem ?? null;
  // While the transcript still arrives, the inbox knows better than its beginning.
  const stands = chat?.ready === true ? chat.view.state : (item?.state ?? chat?.state);
  const holder = chat?.ready === true ? chat.view.holder : (item?.holder ?? null);
  const mine = stands === "agent" && holder?.id === session.agent.id;
  const waiting = stands === "waiting";
  const supervises = session.agent.role === "supervisor" || session.agent.role === "admin";

  useEffect(() => {
    setChosen(null);
    setMode("say");
    setSideOpen(false);
  }, [selected]);

  // The claim button that had the focus is gone: the reply is what comes next.
  useEffect(() => {
    if (mine && document.activeElement === document.body) field.current?.focus();
  }, [mine]);

  // Sound needs one click in this page, whichever.
  useEffect(() => {
    const arm = (): void => {
      if (latest.current.sound) armSound();
    };
    addEventListener("click", arm, { once: true });
    return () => removeEventListener("click", arm);
  }, []);

  useEffect(() => {
    if (desk === null) return;
    const look = (): void => {
      if (document.visibilityState === "visible") desk.markSeen();
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [desk, selected, chat?.view.cursor]);

  const count = state === null ? 0 : [...state.items.values()].filter((i) => i.state === "waiting").length;
  useEffect(() => {
    document.title = count > 0 ? `(${count}) Baton console` : "Baton console";
  }, [count]);

  const write = (kind: Mode): void => {
    setMode(kind);
    field.current?.focus();
  };

  useLayoutEffect(() => {
    if (desk === null || state === null) return;
    const onKey = (event: KeyboardEvent): void => {
      const at = event.target instanceof HTMLElement ? event.target : null;
      if (open !== null) return;
      const writing = at?.matches("input, textarea, select") === true;
      const action = actionFor(event, writing, settings.keys);
      if (action === null) return;
      event.preventDefault();
      switch (action) {
        case "next":
        case "previous": {
          const rows = [...document.querySelectorAll<HTMLElement>(".queue .item")];
          const here = rows.findIndex((row) => row === document.activeElement);
          const start = here >= 0 ? here : rows.findIndex((row) => row.dataset.id === state.selected);
          const to = start < 0 ? 0 : start + (action === "next" ? 1 : -1);
          rows[Math.max(0, Math.min(rows.length - 1, to))]?.focus();
          break;
        }
        case "leave":
          at?.blur();
          document.querySelector<HTMLElement>('.queue .item[aria-current="true"]')?.focus();
          break;
        case "help":
          setOpen("help");
          break;
        case "claim":
          if (waiting && selected !== null) desk.claim(selected);
          break;
        case "reply":
          if (mine) write("say");
          break;
        case "note":
          if (mine) write("note");
          break;
        case "return":
          if (mine) setOpen("return");
          break;
        case "close":
          if (mine) setOpen("close");
          break;
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });

  if (desk === null || state === null) return null;
  const name = item === null ? "Visitor" : customerName(item);
  const draft = selected === null ? "" : (state.drafts[selected]?.[mode] ?? "");
  const handoff = chosen ?? chat?.view.handoff ?? null;
  const busy = selected === null ? undefined : state.busy.get(selected);
  const since = chat?.ready === true ? chat.view.waiting_since : item?.waiting_since;

  const send = (): void => {
    if (selected === null || draft.trim() === "" || textLength(draft) > 4000) return;
    desk.say(selected, mode, draft.trim());
    field.current?.focus();
  };

  return (
    <div class={`board${selected === null ? "" : " has-chat"}${sideOpen ? " side-open" : ""}`}>
      <header class="bar-top">
        <h1>
          <Mark size={20} /> Baton
        </h1>
        <div class="bar-right">
          <label class="presence">
            <span class={`dot ${lost ? "lost" : settings.presence}`} aria-hidden="true" />
            <span class="sr">Presence</span>
            <select
              value={settings.presence}
              onChange={(event) => {
                const presence = event.currentTarget.value === "away" ? "away" : "online";
                change({ presence });
                desk.presence(presence);
              }}
            >
              <option value="online">Online</option>
              <option value="away">Away</option>
            </select>
          </label>
          <span class="me">{session.agent.name}</span>
          <button type="button" class="ghost" onClick={() => setOpen("settings")}>
            Settings
          </button>
          <button type="button" class="ghost keys-button" aria-label="Keyboard shortcuts" onClick={() => setOpen("help")}>
            <kbd>?</kbd>
          </button>
        </div>
      </header>
      <div class="lost-room" role="status">
        {lost && <p>Connection lost. Reconnecting; what you write is kept.</p>}
      </div>
      <Alerts calls={callsFor(state.items.values(), supervises, settings.presence === "away")} open={(id) => desk.select(id)} />
      <Queue desk={desk} state={state} now={now} />
      {chat === undefined || selected === null ? (
        <main class="nobody">
          <div>
            <Mark size={40} />
            <h2>{count > 0 ? `${count} ${count === 1 ? "person waits" : "people wait"}` : "All quiet"}</h2>
            <p>
              {count > 0 ? "Choose a chat on the left, or press " : "New chats appear on the left. Press "}
              <kbd>{count > 0 ? "j" : "?"}</kbd>
              {count > 0 ? " and then Enter." : " for the keys."}
            </p>
          </div>
        </main>
      ) : (
        <>
          <main class="talk">
            <header class="talk-top">
              <button type="button" class="ghost back" onClick={() => desk.select(null)}>
                <span aria-hidden="true">‹</span> Chats
              </button>
              <div class="talk-name">
                <h2 dir="auto">{name}</h2>
                <p>
                  {mine ? "With you" : stands === "agent" ? `With ${holder?.name ?? "a colleague"}` : STATE_WORDS[stands ?? chat.state]}
                  {waiting && since != null && ` for ${waitShort(now - Date.parse(since))}`}
                </p>
              </div>
              <button type="button" class="ghost side-toggle" aria-expanded={sideOpen} onClick={() => setSideOpen(!sideOpen)}>
                Evidence
              </button>
              {mine && (
                <>
                  <button type="button" disabled={busy !== undefined} onClick={() => setOpen("return")}>
                    Return to bot
                  </button>
                  <button type="button" disabled={busy !== undefined} onClick={() => setOpen("close")}>
                    Close
                  </button>
                </>
              )}
              {!mine && stands === "agent" && supervises && (
                <button type="button" disabled={busy !== undefined} onClick={() => desk.claim(selected, true)}>
                  Take over
                </button>
              )}
            </header>
            <Transcript
              chat={chat}
              customer={name}
              me={session.agent.name}
              pending={state.pending.filter((p) => p.conversation_id === selected)}
              target={target}
              showHandoff={(data) => {
                setChosen(data);
                setSideOpen(true);
              }}
              shownHandoff={handoff?.handoff_id ?? null}
            />
            {mine ? (
              <Composer
                conversation={selected}
                mode={mode}
                text={draft}
                setMode={write}
                setText={(text) => desk.draft(selected, mode, text)}
                send={send}
                typing={(on) => desk.typing(selected, on)}
                field={field}
              />
            ) : (
              <div class="instead">
                {waiting ? (
                  <>
                    <p>Read all of it first, or answer right away.</p>
                    <button type="button" class="primary" disabled={busy !== undefined} onClick={() => desk.claim(selected)}>
                      {busy === "claim" ? "Claiming…" : "Claim"} <kbd>C</kbd>
                    </button>
                  </>
                ) : item?.follow_up != null && state.items.has(selected) ? (
                  <>
                    <p dir="auto">
                      Write to <a href={`mailto:${encodeURIComponent(item.follow_up.email)}`}>{item.follow_up.email}</a>
                      {item.follow_up.text != null && `: “${item.follow_up.text}”`}
                    </p>
                    <button type="button" class="primary" disabled={busy !== undefined} onClick={() => desk.followUpDone(selected)}>
                      Mark as written
                    </button>
                  </>
                ) : (
                  <p>
                    {stands === "agent"
                      ? `${holder?.name ?? "A colleague"} holds this chat.`
                      : stands === "closed"
                        ? "This conversation is closed. If the customer writes again, it comes back."
                        : "The assistant is answering. You hold this chat no longer."}
                  </p>
                )}
                {state.drafts[selected]?.say !== undefined && state.drafts[selected].say !== "" && (
                  <details class="kept">
                    <summary>Your unsent words are kept</summary>
                    <p dir="auto">{state.drafts[selected].say}</p>
                  </details>
                )}
              </div>
            )}
          </main>
          <Evidence
            handoff={handoff}
            item={item}
            conversation={selected}
            point={(seq) => {
              setSideOpen(false);
              setTarget({ seq, n: target.n + 1 });
            }}
          />
        </>
      )}
      <div class="toasts" role="status">
        {state.toasts.map((toast) => (
          <p key={toast.id} class={toast.bad ? "toast bad" : "toast"}>
            {toast.text}
          </p>
        ))}
      </div>
      {open === "help" && <HelpDialog close={() => setOpen(null)} />}
      {open === "settings" && <SettingsDialog settings={settings} change={change} logOut={leave} close={() => setOpen(null)} />}
      {open === "return" && selected !== null && (
        <ReturnDialog
          close={() => setOpen(null)}
          done={(outcome, note) => {
            setOpen(null);
            desk.returnToBot(selected, outcome, note);
          }}
        />
      )}
      {open === "close" && selected !== null && (
        <CloseDialog
          close={() => setOpen(null)}
          done={(outcome) => {
            setOpen(null);
            desk.close(selected, outcome);
          }}
        />
      )}
    </div>
  );
}
