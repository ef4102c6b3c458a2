/** Warnings while one writes: asked for when the writing pauses, shown beside the words that they are about. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Api } from "../api";
import { cleaned, type Written } from "../fields";
import { tooMuch } from "../limits";
import type { Warning } from "../protocol";
import type { Note } from "./note";

/** By the line's own words: a line that moves keeps its advice, one that changes loses it. */
export type LineAdvice = ReadonlyMap<string, readonly Note[]>;

export interface Advice {
  lines: LineAdvice;
  /** By field: `title`, `answer`, and `questions` for what concerns all of them. */
  fields: ReadonlyMap<string, readonly Note[]>;
  asking: boolean;
}

const PAUSE_MS = 700;

export function sortAdvice(warnings: readonly Warning[], questions: readonly string[], own: string | null): Pick<Advice, "lines" | "fields"> {
  const lines = new Map<string, Note[]>();
  const fields = new Map<string, Note[]>();
  for (const warning of warnings) {
    // Repeated lines are told at once, without asking.
    if (warning.code === "repeated") continue;
    const { other } = warning;
    const note: Note = {
      tone: warning.severity,
      text: warning.message,
      article: other === null || other.article_id === own ? null : { id: other.article_id, title: other.title },
    };
    const line = warning.field === "questions" && warning.index !== null ? questions[warning.index] : undefined;
    const [map, key] = line === undefined ? [fields, warning.field] : [lines, line];
    map.set(key, [...(map.get(key) ?? []), note]);
  }
  return { lines, fields };
}

export function useAdvice(api: Api, id: string | null, article: Written): Advice {
  const [found, setFound] = useState<Pick<Advice, "lines" | "fields">>({ lines: new Map(), fields: new Map() });
  const [asking, setAsking] = useState(false);
  const { title, answer, questions, locale, tags } = article;
  const askable = title.trim() !== "" && answer.trim() !== "" && tooMuch(article).length === 0;
  useEffect(() => {
    if (!askable) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      setAsking(true);
      const all = cleaned(article);
      // The server counts lines without those that stand there twice.
      const sent = { ...all, questions: [...new Set(all.questions)] };
      void api.post<{ warnings: Warning[] }>("/articles/advice", { article: { ...(id === null ? {} : { id }), ...sent } }, stop.signal).then((answered) => {
        if (stop.signal.aborted) return;
        setAsking(false);
        // Without advice one writes on: nothing is told about a server that gives none.
        if (answered.ok) setFound(sortAdvice(answered.data.warnings, sent.questions, id));
      });
    }, PAUSE_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [api, id, askable, title, answer, questions, locale, tags]);
  return useMemo(() => ({ ...found, asking }), [found, asking]);
}
