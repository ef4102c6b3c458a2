/** The console's HTTP calls: the session cookie is the browser's business, the CSRF token ours. */
import { type Agent, parseError, type WireError } from "../shared/protocol";

export interface Session {
  agent: Agent;
  csrf: string;
  must_change_password: boolean;
}

export type Result<T> = { ok: true; data: T } | { ok: false; status: number; error: WireError };

async function call<T>(method: "GET" | "POST", path: string, body: unknown, csrf: string | null): Promise<Result<T>> {
  try {
    const response = await fetch(`/api/v1/auth/${path}`, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: {
        ...(body === null ? {} : { "content-type": "application/json" }),
        ...(csrf === null ? {} : { "x-baton-csrf": csrf }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = response.status === 204 ? null : await response.json();
    if (response.ok) return { ok: true, data: answer as T };
    const error = parseError(answer) ?? { code: "bad_answer", message: `The server answered ${response.status}.` };
    return { ok: false, status: response.status, error };
  } catch {
    return { ok: false, status: 0, error: { code: "unreachable", message: "The server could not be reached." } };
  }
}

export function whoAmI(): Promise<Result<Session>> {
  return call("GET", "me", null, null);
}

export function logIn(name: string, password: string): Promise<Result<Session>> {
  return call("POST", "login", { name, password }, null);
}

export function logOut(csrf: string): Promise<Result<null>> {
  return call("POST", "logout", {}, csrf);
}

export function changePassword(csrf: string, current: string, next: string): Promise<Result<null>> {
  return call("POST", "password", { current, new: next }, csrf);
}
