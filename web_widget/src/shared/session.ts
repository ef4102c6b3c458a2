/** Sessions and HTTP calls in them: the session cookie is the browser's business, the CSRF token ours. */
import { type Agent, parseError, type WireError } from "./protocol";

export interface Session {
  agent: Agent;
  csrf: string;
  must_change_password: boolean;
}

export type Result<T> = { ok: true; data: T } | { ok: false; status: number; error: WireError };

/** What a call takes besides its path; `body` goes as JSON, `raw` as it is. */
export interface CallOptions {
  body?: unknown;
  raw?: Blob;
  csrf?: string | null;
  signal?: AbortSignal;
}

/** Never throws: what cannot be reached answers status 0 with the code `unreachable` (or `aborted`, if it was called off). */
export async function call<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, options: CallOptions = {}): Promise<Result<T>> {
  const { body, raw, csrf, signal } = options;
  try {
    const response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(raw === undefined ? {} : { "content-type": "application/octet-stream" }),
        ...(csrf == null ? {} : { "x-baton-csrf": csrf }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(raw === undefined ? {} : { body: raw }),
      ...(signal === undefined ? {} : { signal }),
    });
    const answer: unknown = response.status === 204 ? null : await response.json();
    if (response.ok) return { ok: true, data: answer as T };
    const error = parseError(answer) ?? { code: "bad_answer", message: `The server answered ${response.status}.` };
    return { ok: false, status: response.status, error };
  } catch (thrown) {
    if (thrown instanceof SyntaxError)
      return { ok: false, status: 0, error: { code: "bad_answer", message: "The server’s answer could not be read." } };
    if (signal?.aborted === true) return { ok: false, status: 0, error: { code: "aborted", message: "Called off." } };
    return { ok: false, status: 0, error: { code: "unreachable", message: "The server could not be reached." } };
  }
}

export function whoAmI(): Promise<Result<Session>> {
  return call("GET", "/api/v1/auth/me");
}

export function logIn(name: string, password: string): Promise<Result<Session>> {
  return call("POST", "/api/v1/auth/login", { body: { name, password } });
}

export function logOut(csrf: string): Promise<Result<null>> {
  return call("POST", "/api/v1/auth/logout", { body: {}, csrf });
}

export function changePassword(csrf: string, current: string, next: string): Promise<Result<null>> {
  return call("POST", "/api/v1/auth/password", { body: { current, new: next }, csrf });
}
