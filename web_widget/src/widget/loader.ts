/**
 * The script a site puts into its pages: a button in a shadow root and `window.Baton`. Everything else is in the
 * panel's script, fetched at the first click, or at once when a conversation is open.
 */
import css from "./loader.css";
import { type BatonApi, type Customer, direction, type Options, type PanelHandle, storageKey } from "./options";

/** The panel's file beside this script; put in by build.mjs. */
declare const PANEL_PATH: string;

const SVG = "http://www.w3.org/2000/svg";

function draw(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 28 28");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill", "none");
  shape.setAttribute("stroke", "currentColor");
  shape.setAttribute("stroke-width", "2.2");
  shape.setAttribute("stroke-linecap", "round");
  shape.setAttribute("stroke-linejoin", "round");
  svg.append(shape);
  return svg;
}

const SPEECH = "M14 4.5c-5.8 0-10.3 3.8-10.3 8.6 0 2.7 1.4 5.1 3.7 6.7L6.6 24l5-2.5c.8.1 1.6.2 2.4.2 5.8 0 10.3-3.8 10.3-8.6S19.8 4.5 14 4.500ZM10 11.600h8M10 15.200h5";
const CHEVRON = "M7 11l7 7 7-7";

function readOptions(script: HTMLScriptElement): Options & { theme: string } {
  const data = script.dataset;
  const customer: Customer = {};
  if (data.customerId) customer.id = data.customerId;
  if (data.customerName) customer.name = data.customerName;
  if (data.customerEmail) customer.email = data.customerEmail;
  if (data.customerSignature) customer.signature = data.customerSignature;
  return {
    base: new URL(script.src).origin,
    locale: data.locale ?? null,
    title: data.title ?? null,
    // The attribute reads empty once the page is parsed; the property keeps it.
    nonce: data.nonce ?? (script.nonce || null),
    customer: Object.keys(customer).length > 0 ? customer : null,
    theme: data.theme ?? "auto",
  };
}

function hasConversation(base: string): boolean {
  try {
    return localStorage.getItem(storageKey(base)) !== null;
  } catch {
    return false; // Storage is forbidden here: then nothing can be open from before.
  }
}

function start(script: HTMLScriptElement): void {
  const { theme, ...options } = readOptions(script);
  const host = document.createElement("baton-widget");
  host.dataset.theme = theme;
  host.dir = direction(options.locale ?? (document.documentElement.lang || "en"));
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  shadow.adoptedStyleSheets = [sheet];

  const launcher = document.createElement("button");
  launcher.type = "button";
  launcher.className = "launcher";
  launcher.setAttribute("aria-expanded", "false");
  launcher.setAttribute("aria-label", "Open the chat");
  launcher.append(draw(SPEECH));
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.hidden = true;
  badge.setAttribute("aria-hidden", "true");
  const trouble = document.createElement("span");
  trouble.className = "trouble";
  trouble.hidden = true;
  trouble.setAttribute("role", "status");
  launcher.append(badge);
  shadow.append(launcher, trouble);

  let panel: PanelHandle | null = null;
  let loading = false;
  let open = false;
  let unread = 0;
  let wanted: string | undefined;
  let gone = false;

  function label(): void {
    const words = unread === 0 ? "" : unread === 1 ? ", 1 new message" : `, ${unread} new messages`;
    launcher.setAttribute("aria-label", open ? "Close the chat" : `Open the chat${words}`);
    launcher.setAttribute("aria-expanded", String(open));
    badge.hidden = open || unread === 0;
    badge.textContent = unread > 9 ? "9+" : String(unread);
    launcher.firstChild?.replaceWith(draw(open ? CHEVRON : SPEECH));
  }

  function fail(): void {
    loading = false;
    launcher.removeAttribute("aria-busy");
    trouble.hidden = false;
    trouble.textContent = "The chat could not be loaded. Please try again.";
  }

  function load(thenOpen: boolean, draft?: string): void {
    open = open || thenOpen;
    if (draft !== undefined) wanted = draft;
    if (panel !== null || loading || gone) return;
    loading = true;
    trouble.hidden = true;
    launcher.setAttribute("aria-busy", "true");
    const element = document.createElement("script");
    element.src = `${options.base}/${PANEL_PATH}`;
    element.async = true;
    if (options.nonce !== null) element.nonce = options.nonce;
    element.onerror = () => {
      element.remove();
      open = false;
      fail();
    };
    element.onload = () => {
      element.remove();
      const mount = window.batonPanel;
      delete window.batonPanel;
      if (gone || mount === undefined) return;
      loading = false;
      launcher.removeAttribute("aria-busy");
      panel = mount({
        options,
        shadow,
        launcher,
        shown: (now) => {
          open = now;
          label();
        },
        unread: (count) => {
          unread = count;
          label();
        },
      });
      if (open) panel.open(wanted);
    };
    document.head.append(element);
  }

  const api: BatonApi = {
    open: (draft) => {
      if (panel === null) load(true, draft);
      else panel.open(draft);
    },
    close: () => {
      if (panel === null) open = false;
      else panel.close();
    },
    identify: (customer) => {
      options.customer = customer;
      panel?.identify(customer);
    },
    destroy: () => {
      gone = true;
      panel?.destroy();
      panel = null;
      host.remove();
      if (window.Baton === api) delete window.Baton;
    },
  };
  launcher.addEventListener("click", () => {
    if (open && panel !== null) api.close();
    else api.open();
  });

  // A second script tag takes the place of the first instead of standing beside it.
  window.Baton?.destroy();
  window.Baton = api;
  document.body.append(host);
  if (hasConversation(options.base)) load(false);
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement) {
  // The site may carry the tag in its head, where there is no body yet.
  if ((document.body as HTMLElement | null) === null) addEventListener("DOMContentLoaded", () => start(script), { once: true });
  else start(script);
}
