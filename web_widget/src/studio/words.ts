/** The studio's words for what the wire names by code. */
import type { WireError } from "../shared/protocol";

/** `1 article`, `3 articles`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en-GB")} ${n === 1 ? one : many}`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 && value % 1 !== 0 ? value.toFixed(1) : Math.round(value)} %`;
}

/** What a refusal means to an editor; the server's message where nothing better is known. */
export function refusal(error: WireError): string {
  switch (error.code) {
    case "unreachable":
      return "The server could not be reached. Nothing was changed; try again.";
    case "forbidden":
      return "Your account may not do this. Ask whoever manages people for the editor role.";
    default:
      return error.message;
  }
}

const DAY_MS = 86_400_000;

/** A moment as one says it: `14:02`, `yesterday 14:02`, `12 Nov, 14:02`, `12 Nov 2025`. Local time. */
export function when(at: string, now = new Date()): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  if (date.getTime() >= midnight && date.getTime() < midnight + DAY_MS) return time;
  if (date.getTime() < midnight && date.getTime() >= midnight - DAY_MS) return `yesterday ${time}`;
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return date.getFullYear() === now.getFullYear() ? `${day}, ${time}` : `${day} ${date.getFullYear()}`;
}

/** How much longer something takes: `less than a minute`, `4 min`, `1 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 60) return "less than a minute";
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
