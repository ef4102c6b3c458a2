/** What an agent's browser keeps: settings and words that were not sent. */

export interface Settings {
  sound: boolean;
  desktop: boolean;
  /** Single-key shortcuts; some readers' tools need the keys themselves. */
  keys: boolean;
  presence: "online" | "away";
  theme: "auto" | "light" | "dark";
}

export interface Draft {
  say: string;
  note: string;
}

const DEFAULTS: Settings = { sound: false, desktop: false, keys: true, presence: "online", theme: "auto" };

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") as unknown;
  } catch {
    return null; // Forbidden or spoilt: the defaults serve.
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Forbidden or full: kept for this page only.
  }
}

export function loadSettings(): Settings {
  const value = read("baton:console:settings");
  return { ...DEFAULTS, ...(typeof value === "object" ? value : {}) };
}

export function saveSettings(settings: Settings): void {
  write("baton:console:settings", settings);
}

/** By agent: at a shared computer nobody finds another's words in the field. */
function draftsKey(agent: string): string {
  return `baton:console:drafts:${agent}`;
}

export function loadDrafts(agent: string): Record<string, Draft> {
  const value = read(draftsKey(agent));
  return typeof value === "object" && value !== null ? (value as Record<string, Draft>) : {};
}

export function saveDrafts(agent: string, drafts: Record<string, Draft>): void {
  write(draftsKey(agent), drafts);
}
