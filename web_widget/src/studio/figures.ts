/** Numbers as an editor reads them. A space that does not break stands before every unit. */
import { count } from "./words";

const NARROW = "\u00a0";

/** `0.983` as `98.3 %`, `0.5` as `50 %`: no zero that says nothing. `digits` after the point, one unless told. */
export function share(value: number | null | undefined, digits = 1): string {
  if (value == null || !Number.isFinite(value)) return "–";
  return `${trimmed(value * 100, digits)}${NARROW}%`;
}

/** `1.6 % (1.2 to 2.1 %)`: a share with its 95 % interval. */
export function shareWithin(value: number | null | undefined, interval: Interval | null | undefined): string {
  const told = share(value);
  return value == null || interval == null ? told : `${told} (${between(interval)})`;
}

export type Interval = readonly [low: number, high: number];

/** `1.2 to 2.1 %`. */
export function between([low, high]: Interval): string {
  return `${trimmed(low * 100, 1)} to ${share(high)}`;
}

/** The change of a share in points: `+1.3 points`, `−0.2 points`, `no change`. */
export function points(before: number, after: number): string {
  const change = Math.round((after - before) * 1000) / 10;
  if (change === 0) return "no change";
  return `${change > 0 ? "+" : "−"}${trimmed(Math.abs(change), 1)} ${Math.abs(change) === 1 ? "point" : "points"}`;
}

/** `1,234`. */
export function number(value: number): string {
  return Math.round(value).toLocaleString("en-GB");
}

/** Milliseconds: `8.4 ms`, `120 ms`, `1.2 s`. */
export function millis(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value < 10) return `${trimmed(value, 1)}${NARROW}ms`;
  if (value < 1000) return `${Math.round(value)}${NARROW}ms`;
  return `${trimmed(value / 1000, 1)}${NARROW}s`;
}

/** Seconds of a wait that is rough anyway: `a few seconds`, `about 40 seconds`, `about 3 minutes`, `about 1 h 20 min`. */
export function roughly(seconds: number): string {
  if (seconds < 10) return "a few seconds";
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10} seconds`;
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return `about ${count(minutes, "minute")}`;
  return `about ${hours(minutes)}`;
}

/** Seconds that have passed: `8 s`, `2 min 05 s`, `1 h 20 min`. */
export function lasted(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}${NARROW}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${NARROW}min ${String(s % 60).padStart(2, "0")}${NARROW}s`;
  return hours(Math.round(s / 60));
}

/** Minutes of people's work: `45 min`, `3 h 20 min`, `120 h`. */
export function work(minutes: number): string {
  if (minutes > 0 && minutes < 1) return `under 1${NARROW}min`;
  const m = Math.round(minutes);
  if (m < 60) return `${m}${NARROW}min`;
  return m >= 6000 ? `${number(m / 60)}${NARROW}h` : hours(m);
}

function hours(minutes: number): string {
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}${NARROW}h${rest === 0 ? "" : ` ${rest}${NARROW}min`}`;
}

/** `30 Nov, 02:17`, with the year where it is not this one: the name of a release. Local time. */
export function stamp(at: string, now: Date = new Date()): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...(date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" }) });
  return `${day}, ${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;
}

/** An amount in the currency of the site's settings; a bare number where none is set, and whole from a hundred on. */
export function money(amount: number, currency?: string | null): string {
  const digits = Math.abs(amount) >= 100 ? 0 : 2;
  const form = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  if (currency != null && /^[A-Za-z]{3}$/.test(currency))
    return new Intl.NumberFormat("en-GB", { style: "currency", currency, ...form }).format(amount);
  return new Intl.NumberFormat("en-GB", form).format(amount);
}

function trimmed(value: number, digits: number): string {
  const fixed = value.toFixed(digits);
  return digits === 0 ? fixed : fixed.replace(/\.?0+$/, "");
}
