/** One piece of advice about a text: what is doubtful, and the article that it has to do with. */
import type { VNode } from "preact";
import { href } from "../router";

export interface Note {
  tone: "note" | "warning";
  text: string;
  article: { id: string; title: string } | null;
}

export function NoteWords({ note }: { note: Note }): VNode {
  return (
    <>
      <span class="note-text">{note.text}</span>{" "}
      {note.article !== null && (
        // In a tab of its own: what is being written stays.
        <a href={href("articles", note.article.id)} target="_blank" rel="noopener">
          Open it<span class="sr">: {note.article.title}, in a new tab</span>
        </a>
      )}
    </>
  );
}

/** Advice about a field as a whole. */
export function Notes({ notes }: { notes: readonly Note[] }): VNode {
  return (
    <>
      {notes.map((note) => (
        <p key={note.text} class={`line-note ${note.tone}`}>
          <NoteWords note={note} />
        </p>
      ))}
    </>
  );
}
