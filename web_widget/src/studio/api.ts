/** The studio's HTTP calls. An ended session is told once; when its owner is back, the calls that met it go on. */
import { call, type CallOptions, type Result, type Session, whoAmI } from "../shared/session";

const BASE = "/api/v1/studio";

export type Query = Record<string, string | number | boolean | null | undefined>;

export function withQuery(path: string, query: Query = {}): string {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value != null && value !== "") kept.set(name, String(value));
  const search = kept.toString();
  return search === "" ? path : `${path}?${search}`;
}

export class Api {
  readonly #agent: string;
  #csrf: string;
  #back: Promise<Session> | null = null;

  /** `login`: the session has ended; resolves with the next one of the same person. */
  constructor(
    session: Session,
    private readonly login: () => Promise<Session>,
    private readonly heard: (reached: boolean) => void = () => undefined,
  ) {
    this.#csrf = session.csrf;
    this.#agent = session.agent.id;
  }

  /** `path` begins with a slash and stands behind `/api/v1/studio`. */
  get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Result<T>> {
    return this.#call<T>("GET", withQuery(path, query), signal === undefined ? {} : { signal });
  }

  post<T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<Result<T>> {
    return this.#call<T>("POST", path, signal === undefined ? { body } : { body, signal });
  }

  put<T>(path: string, body: unknown): Promise<Result<T>> {
    return this.#call<T>("PUT", path, { body });
  }

  del<T>(path: string, query: Query = {}): Promise<Result<T>> {
    return this.#call<T>("DELETE", withQuery(path, query), {});
  }

  /** A file as it is. */
  upload<T>(path: string, query: Query, raw: Blob, signal?: AbortSignal): Promise<Result<T>> {
    return this.#call<T>("POST", withQuery(path, query), signal === undefined ? { raw } : { raw, signal });
  }

  async #call<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, options: CallOptions): Promise<Result<T>> {
    let asked = false;
    for (;;) {
      const csrf = this.#csrf;
      const answer = await call<T>(method, `${BASE}${path}`, method === "GET" ? options : { ...options, csrf });
      if (answer.ok || answer.error.code !== "aborted") this.heard(answer.ok || answer.error.code !== "unreachable");
      if (answer.ok) return answer;
      if (answer.status === 403 && method !== "GET" && !asked) {
        // Logging in in another tab gives this browser another session, and with it another token.
        asked = true;
        const me = await whoAmI();
        if (me.ok && me.data.csrf !== csrf && me.data.agent.id === this.#agent) {
          this.#csrf = me.data.csrf;
          continue;
        }
        return answer;
      }
      if (answer.status !== 401) return answer;
      // Another call may have met the end of the session and brought the next one meanwhile.
      if (csrf === this.#csrf) {
        this.#back ??= this.login().finally(() => (this.#back = null));
        this.#csrf = (await this.#back).csrf;
      }
    }
  }
}
