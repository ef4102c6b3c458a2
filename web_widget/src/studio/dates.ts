/** Moments between the wire (UTC, to the second) and a `datetime-local` field (the editor's own time), and in words. */

/** `2026-12-01T08:00:00Z` -> `2026-12-01T09:00` in Berlin; null and what is no date: empty. */
export function toLocal(utc: string | null): string {
  if (utc === null) return "";
  const date = new Date(utc);
  if (Number.isNaN(date.getTime())) return "";
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The other way round. An hour that the clocks skip is the one after it; empty and what is no date: null. */
export function toUtc(local: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(local)) return null;
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? null : `${date.toISOString().slice(0, 19)}Z`;
}

export function momentWords(utc: string): string {
  const date = new Date(utc);
  if (Number.isNaN(date.getTime())) return utc;
  return date.toLocaleString("en-GB", { weekday: "short", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" });
}

export type Validity = "always" | "now" | "later" | "over" | "never";

export function validity(from: string | null, until: string | null, now: number): Validity {
  if (from === null && until === null) return "always";
  const start = from === null ? -Infinity : Date.parse(from);
  const end = until === null ? Infinity : Date.parse(until);
  if (end <= start) return "never";
  return end <= now ? "over" : start > now ? "later" : "now";
}

export function validityWords(from: string | null, until: string | null, now: number): string {
  switch (validity(from, until, now)) {
    case "always":
      return "Customers find it at any time.";
    case "never":
      return "It would end before it begins: nobody would ever find it.";
    case "over":
      return `Customers have not found it since ${momentWords(until ?? "")}.`;
    case "later":
      return `Customers find it from ${momentWords(from ?? "")}${until === null ? " on" : ` until ${momentWords(until)}`}.`;
    case "now":
      return until === null ? "Customers find it now, without an end." : `Customers find it now, until ${momentWords(until)}.`;
  }
}

export function timeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
