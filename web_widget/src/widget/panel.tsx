/** The panel's script: mounts into the loader's shadow root. */
import { render, type VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CloseIcon, DownIcon, Mark, PersonIcon } from "../shared/icons";
import { Client, type ClientState } from "./client";
import { Composer } from "./composer";
import { direction, type PanelHost, type PanelHandle } from "./options";
import css from "./panel.css";
import { words } from "./strings";
import { Greeting, Transcript, Typing } from "./transcript";
import { Waiting } from "./waiting";

/** A connection is called lost only after this long: short interruptions pass unseen. */
const TELL_AFTER_MS = 1_500;
/** Within this distance of its end the log follows what is new. */
const NEAR_END_PX = 80;

function statusWords(state: ClientState): string {
  switch (state.view.state) {
    case "bot":
      return words.statusBot;
    case "waiting":
      return words.statusWaiting;
    case "agent":
      return words.statusAgent(state.view.holder?.name ?? words.support);
    case "closed":
      return words.statusClosed;
  }
}

function useTroubled(state: ClientState): boolean {
  const broken = state.phase === "waiting" || state.phase === "connecting";
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

/**
 * A control that had the focus and is gone, as a choice that was taken, leaves it to the field: who uses the keyboard
 * stays in the panel. On a touch screen the log takes it, or the screen's keyboard would open over the answer.
 */
function useKeptFocus(panel: { current: HTMLElement | null }, field: { current: HTMLElement | null }, log: { current: HTMLElement | null }) {
  const last = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    const root = panel.current?.getRootNode();
    if (last.current === null || last.current.isConnected || !(root instanceof ShadowRoot)) return;
    last.current = null;
    if (root.activeElement !== null || document.activeElement !== document.body) return;
    const next = matchMedia("(pointer: coarse)").matches ? log.current : field.current;
    next?.focus({ preventScroll: true });
  });
  return {
    onFocusIn: (event: FocusEvent): void => {
      last.current = event.target instanceof HTMLElement ? event.target : null;
    },
    onFocusOut: (event: FocusEvent): void => {
      const { target } = event;
      // Browsers differ in whether they tell of a focus that goes with its element: look when it has gone.
      queueMicrotask(() => {
        if (target instanceof HTMLElement && last.current === target && target.isConnected) last.current = null;
      });
    },
  };
}

/** Follows the end of the log while the reader is there; else says that something new came. */
function useFollow(state: ClientState, open: boolean) {
  const log = useRef<HTMLDivElement>(null);
  const near = useRef(true);
  const [below, setBelow] = useState(false);
  const count = state.view.entries.length;
  const own = state.pending.length;
  const toEnd = (): void => {
    const element = log.current;
    if (element === null) return;
    element.scrollTop = element.scrollHeight;
    near.current = true;
  };
  /** An answer longer than the panel is shown from its beginning. */
  const toBeginning = (): void => {
    const element = log.current;
    const last = [...(element?.querySelectorAll(".row[data-seq]") ?? [])].at(-1);
    if (element === null || last === undefined || last.classList.contains("customer")) return;
    const above = element.getBoundingClientRect().top - last.getBoundingClientRect().top;
    if (above > 0) element.scrollTop -= above + 12;
  };
  useLayoutEffect(() => {
    // What the customer just wrote is always shown.
    if (near.current || own > 0) {
      toEnd();
      if (own === 0) toBeginning();
    } else if (count > 0) setBelow(true);
  }, [count, own, state.typing, state.view.offer, state.queue === null, open]);
  useEffect(() => {
    const element = log.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => {
      if (near.current) toEnd();
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const onScroll = (): void => {
    const element = log.current;
    if (element === null) return;
    near.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
    if (near.current) setBelow(false);
  };
  return { log, below, onScroll, toEnd };
}

function Foot({ client, state }: { client: Client; state: ClientState }): VNode {
  const [asking, setAsking] = useState(false);
  const sure = useRef<HTMLButtonElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  const asked = useRef(false);
  const open = state.view.entries.length > 0 && state.view.state !== "closed";
  useEffect(() => {
    if (asking) sure.current?.focus();
    else if (asked.current) first.current?.focus();
    asked.current = asking;
  }, [asking]);
  // A question about a conversation that ended meanwhile is not asked about the next one.
  useEffect(() => {
    if (!open) setAsking(false);
  }, [open]);
  if (!open) return <div class="foot">{state.view.state === "closed" ? words.again : ""}</div>;
  if (!asking)
    return (
      <div class="foot">
        <button ref={first} type="button" class="link" onClick={() => setAsking(true)}>
          {words.end}
        </button>
      </div>
    );
  return (
    <div class="foot" role="group" aria-label={words.endSure}>
      <span>{words.endSure}</span>
      <button
        ref={sure}
        type="button"
        class="link strong"
        onClick={() => {
          setAsking(false);
          client.end();
        }}
      >
        {words.endYes}
      </button>
      <button type="button" class="link" onClick={() => setAsking(false)}>
        {words.endNo}
      </button>
    </div>
  );
}

interface PanelProps {
  client: Client;
  title: string | null;
  locale: string | null;
  /** The customer's address, where the page knows it. */
  email: string;
  open: boolean;
  /** Words to begin with, and how often some were asked for: the same ones may be asked for again. */
  draft: { text: string; n: number };
  close: () => void;
}

function Panel({ client, title, locale: wanted, email, open, draft, close }: PanelProps): VNode {
  const [state, setState] = useState(client.state);
  useLayoutEffect(() => {
    setState(client.state);
    return client.subscribe(() => setState(client.state));
  }, [client]);
  const field = useRef<HTMLTextAreaElement>(null);
  const panel = useRef<HTMLElement>(null);
  const { log, below, onScroll, toEnd } = useFollow(state, open);
  const focus = useKeptFocus(panel, field, log);
  const troubled = useTroubled(state);
  const locale = wanted ?? state.site?.locale ?? "en";
  const name = title ?? state.site?.name ?? words.support;
  const talk = state.view.state;

  useEffect(() => {
    if (!open) return;
    toEnd();
    field.current?.focus();
  }, [open]);

  useEffect(() => {
    if (!open) return;
    const look = (): void => {
      if (document.visibilityState === "visible") client.markSeen();
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [open, state.view.cursor, client]);

  const askHuman = (): void => {
    if (talk === "closed") client.say(words.humanWords);
    else client.requestHuman();
    // Who asks for a person reads on at the end, wherever in the log they were.
    toEnd();
    field.current?.focus();
  };

  return (
    <section
      ref={panel}
      {...focus}
      class="panel"
      role="dialog"
      aria-label={name}
      hidden={!open}
      lang={locale}
      dir={direction(locale)}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <div class="head">
        <span class="mark">
          <Mark />
        </span>
        <div class="title">
          <h2 dir="auto">{name}</h2>
          <p>{statusWords(state)}</p>
        </div>
        {(talk === "bot" || talk === "closed") && (
          <button type="button" class="human" onClick={askHuman}>
            <PersonIcon />
            {words.human}
          </button>
        )}
        <button type="button" class="icon-button" aria-label={words.close} onClick={close}>
          <CloseIcon />
        </button>
      </div>

      <div class="banner-room" role="status">
        {troubled && <p class="banner">{navigator.onLine ? words.reconnecting : words.offline}</p>}
        {state.trouble !== null && !troubled && (
          <p class="banner bad">
            {state.trouble.code === "not_found" || state.trouble.code === "unauthorized" ? words.lost : state.trouble.message}
          </p>
        )}
      </div>

      <div class="log-room">
        <div ref={log} class="log" role="log" aria-live="polite" aria-label={words.log} tabIndex={0} onScroll={onScroll}>
          <div class="spacer" />
          {state.ready ? (
            <>
              <Greeting text={state.site?.greeting ?? words.greeting} />
              <Transcript client={client} state={state} locale={locale} />
              <Typing state={state} />
            </>
          ) : (
            <p class="line">
              <span>{words.loading}</span>
            </p>
          )}
        </div>
        {below && (
          <button type="button" class="below" onClick={toEnd}>
            <DownIcon /> {words.newMessages}
          </button>
        )}
      </div>

      {talk === "waiting" && (
        <Waiting
          state={state}
          email={email}
          cancel={() => client.cancelHandoff()}
          leave={(address, text) => client.leaveContact(address, text)}
        />
      )}
      <Composer
        field={field}
        draft={draft}
        placeholder={talk === "agent" ? words.placeholderAgent : words.placeholder}
        send={(text) => client.say(text)}
        typing={(on) => client.typing(on)}
      />
      <Foot client={client} state={state} />
    </section>
  );
}

function mount(host: PanelHost): PanelHandle {
  const { options, shadow, launcher } = host;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
  const room = document.createElement("div");
  room.className = "room";
  shadow.insertBefore(room, launcher);
  const client = new Client(options);
  let open = false;
  let draft = { text: "", n: 0 };

  const draw = (): void =>
    render(
      <Panel
        client={client}
        title={options.title}
        locale={options.locale}
        email={options.customer?.email ?? ""}
        open={open}
        draft={draft}
        close={close}
      />,
      room,
    );
  const set = (now: boolean): void => {
    if (open === now) return;
    open = now;
    host.shown(open);
    draw();
    if (!open) launcher.focus();
  };
  const close = (): void => set(false);
  const count = (): void => {
    const { view, seen } = client.state;
    host.unread(view.entries.filter((e) => e.type === "message" && e.from !== "customer" && e.seq > seen).length);
  };
  client.subscribe(count);
  count();
  draw();
  return {
    open: (text) => {
      if (text !== undefined) draft = { text, n: draft.n + 1 };
      if (open) draw();
      else set(true);
    },
    close,
    identify: (customer) => {
      options.customer = customer;
    },
    destroy: () => {
      render(null, room);
      client.destroy();
      room.remove();
      shadow.adoptedStyleSheets = shadow.adoptedStyleSheets.filter((s) => s !== sheet);
    },
  };
}

window.batonPanel = mount;
