/** What a site may say in its script tag, and what loader and panel know of each other. */

export interface Customer {
  id?: string;
  name?: string;
  email?: string;
  /** Hex HMAC-SHA256 of `id` under the site's identity secret. */
  signature?: string;
  attributes?: Record<string, string | number | boolean>;
}

export interface Options {
  /** Where Baton answers: the origin of the script. */
  base: string;
  locale: string | null;
  title: string | null;
  nonce: string | null;
  customer: Customer | null;
}

/** What the loader gives the panel to live in. */
export interface PanelHost {
  options: Options;
  shadow: ShadowRoot;
  launcher: HTMLButtonElement;
  /** Tells the launcher what to show. */
  shown: (open: boolean) => void;
  unread: (count: number) => void;
}

export interface PanelHandle {
  open: (draft?: string) => void;
  close: () => void;
  identify: (customer: Customer) => void;
  destroy: () => void;
}

export type MountPanel = (host: PanelHost) => PanelHandle;

export interface BatonApi {
  /** Opens the panel; `draft` is put into the empty message field, unsent. */
  open: (draft?: string) => void;
  close: () => void;
  /** Who the customer is; counts for the conversation that is started next. */
  identify: (customer: Customer) => void;
  /** Removes everything: nodes, sockets, listeners, this object. */
  destroy: () => void;
}

declare global {
  interface Window {
    Baton?: BatonApi | undefined;
    /** Set by the panel's script for the loader that asked for it. */
    batonPanel?: MountPanel | undefined;
  }
}

/** The key in `localStorage` under which a site's page keeps its conversation with the Baton at `base`. */
export function storageKey(base: string): string {
  return `baton:${base}`;
}

/** Strictly left-to-right unless the language is one that is written the other way. */
export function direction(locale: string): "ltr" | "rtl" {
  return /^(ar|arc|ckb|dv|fa|ha-arab|he|iw|ps|sd|ug|ur|yi)\b/i.test(locale) ? "rtl" : "ltr";
}
