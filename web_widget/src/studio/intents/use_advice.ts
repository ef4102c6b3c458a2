/** Doubts about an intent while it is written: asked for when the writing pauses. */
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../api";
import type { Note } from "../editor/note";
import type { Does, IntentWarning } from "../protocol_intents";
import { formatLine, type Line } from "./marks";

export interface IntentNotes {
  /** By the number of the line as it is written, from 0. */
  lines: ReadonlyMap<number, readonly Note[]>;
  examples: readonly Note[];
  does: readonly Note[];
}

const NONE: IntentNotes = { lines: new Map(), examples: [], does: [] };
const PAUSE_MS = 700;

/** `rows`: for each line that was sent, which line of the page it is. */
export function sortNotes(warnings: readonly IntentWarning[], rows: readonly number[]): IntentNotes {
  const lines = new Map<number, Note[]>();
  const fields = { examples: [] as Note[], does: [] as Note[] };
  for (const { message, field, index, severity, other } of warnings) {
    const article = other !== null && "article_id" in other ? { id: other.article_id, title: other.title } : null;
    const note: Note = { tone: severity, text: message, article };
    const row = field === "examples" && index !== null ? rows[index] : undefined;
    if (row !== undefined) lines.set(row, [...(lines.get(row) ?? []), note]);
    else fields[field === "does" ? "does" : "examples"].push(note);
  }
  return { lines, ...fields };
}

export function useIntentAdvice(api: Api, name: string | null, lines: readonly Line[], does: Does | null): IntentNotes {
  const [found, setFound] = useState<{ of: readonly Line[]; notes: IntentNotes }>({ of: lines, notes: NONE });
  useEffect(() => {
    const rows = lines.flatMap((line, row) => (line.text.trim() === "" ? [] : [row]));
    if (rows.length === 0) {
      setFound({ of: lines, notes: NONE });
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      const examples = rows.map((row) => formatLine(lines[row] ?? { text: "", marks: [] }).trim());
      const intent = { ...(name === null ? {} : { name }), examples, does };
      void api.post<{ warnings: IntentWarning[] }>("/intents/advice", { intent }, stop.signal).then((answer) => {
        if (!stop.signal.aborted && answer.ok) setFound({ of: lines, notes: sortNotes(answer.data.warnings, rows) });
      });
    }, PAUSE_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [api, name, lines, does]);
  // Where lines were added or removed since, a note may stand beside the wrong one.
  return found.of.length === lines.length ? found.notes : { ...found.notes, lines: new Map() };
}
