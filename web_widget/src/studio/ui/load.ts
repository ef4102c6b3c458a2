import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { WireError } from "../../shared/protocol";
import type { Api, Query } from "../api";

export interface Loaded<T> {
  /** The last answer; stays while the next one is fetched. */
  data: T | null;
  error: WireError | null;
  loading: boolean;
  again: () => void;
  /** What an action answered, shown without asking again. */
  put: (data: T) => void;
}

/** `GET path`, again whenever path or query change; an answer that was overtaken is dropped. null: nothing is asked. */
export function useLoad<T>(api: Api, path: string | null, query: Query = {}): Loaded<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<WireError | null>(null);
  const [loading, setLoading] = useState(path !== null);
  const [turn, setTurn] = useState(0);
  const of = useRef(path);
  const key = JSON.stringify(query);
  useEffect(() => {
    if (path !== of.current) setData(null);
    of.current = path;
    if (path === null) return;
    const stop = new AbortController();
    setLoading(true);
    void api.get<T>(path, JSON.parse(key) as Query, stop.signal).then((answer) => {
      if (stop.signal.aborted) return;
      setLoading(false);
      setError(answer.ok ? null : answer.error);
      if (answer.ok) setData(answer.data);
    });
    return () => stop.abort();
  }, [api, path, key, turn]);
  const again = useCallback((): void => setTurn((n) => n + 1), []);
  return { data: path === of.current ? data : null, error, loading, again, put: setData };
}
