/** The customer's HTTP calls. */
import { parseError, type WireError } from "../shared/protocol";
import type { Customer } from "./options";

export interface Site {
  name: string;
  locale: string;
  greeting: string;
}

export interface StartRequest {
  /** The idempotency key. */
  client_id: string;
  locale?: string;
  page: { url: string; title: string };
  customer?: Customer;
}

export interface Started {
  conversation_id: string;
  token: string;
}

/** `null` data: nobody answered, or not in our words; another attempt may do. */
export type Answer<T> = { ok: true; data: T } | { ok: false; status: number; error: WireError };

async function call<T>(url: string, init: RequestInit): Promise<Answer<T>> {
  try {
    const response = await fetch(url, { ...init, credentials: "omit", cache: "no-store" });
    const body: unknown = response.status === 204 ? null : await response.json();
    if (response.ok) return { ok: true, data: body as T };
    const error = parseError(body) ?? { code: "bad_answer", message: `The server answered ${response.status}.` };
    return { ok: false, status: response.status, error };
  } catch {
    return { ok: false, status: 0, error: { code: "unreachable", message: "The server could not be reached." } };
  }
}

const JSON_HEADERS = { "content-type": "application/json" };

export function fetchSite(base: string): Promise<Answer<Site>> {
  return call(`${base}/api/v1/site`, {});
}

export function startConversation(base: string, body: StartRequest): Promise<Answer<Started>> {
  return call(`${base}/api/v1/conversations`, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body) });
}

export function renewToken(base: string, conversation: string, token: string): Promise<Answer<{ token: string }>> {
  return call(`${base}/api/v1/conversations/${encodeURIComponent(conversation)}/token`, {
    method: "POST",
    headers: { ...JSON_HEADERS, authorization: `Bearer ${token}` },
    body: "{}",
  });
}
