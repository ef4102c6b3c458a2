/** Examples, one a line; words in them are marked by selecting them. */
import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Note, NoteWords } from "../editor/note";
import type { Entity } from "../protocol_intents";
import { Button } from "../ui/button";
import { type Line, marked, retyped, unmarked, wordsAt } from "./marks";
import { entityLabel } from "./words";

interface Props {
  lines: readonly Line[];
  entities: readonly Entity[];
  /** By the number of the line, from 0. */
  notes: ReadonlyMap<number, readonly Note[]>;
  change: (lines: readonly Line[]) => void;
  /** Make an entity for a word; `use` is called with its name. */
  make: (word: string, use: (entity: string) => void) => void;
}

interface Selected {
  row: number;
  start: number;
  end: number;
}

export function Examples({ lines, entities, notes, change, make }: Props): VNode {
  const list = useRef<HTMLOListElement>(null);
  const [selected, setSelected] = useState<Selected | null>(null);
  const [focus, setFocus] = useState<number | null>(null);
  const inputs = (): HTMLInputElement[] => [...(list.current?.querySelectorAll<HTMLInputElement>("input.example-text") ?? [])];
  // Before the next key arrives: who types on after Enter types into the new line.
  useLayoutEffect(() => {
    if (focus === null) return;
    inputs()[focus]?.focus();
    setFocus(null);
  }, [focus]);

  const put = (row: number, line: Line): void => change(lines.map((other, n) => (n === row ? line : other)));
  const select = (row: number, input: HTMLInputElement): void => {
    const words = wordsAt(input.value, input.selectionStart ?? 0, input.selectionEnd ?? 0);
    setSelected(words === null ? null : { row, ...words });
  };
  const drop = (row: number): void => {
    change(lines.filter((_, n) => n !== row));
    setSelected(null);
    setFocus(Math.max(0, row - 1));
  };
  const mark = ({ row, start, end }: Selected, entity: string): void => {
    const line = lines[row];
    if (line !== undefined) put(row, marked(line, start, end, entity));
    setSelected(null);
    setFocus(row);
  };
  const names = [...entities.map(({ name }) => name), "order_number"];
  const label = (name: string): string =>
    entityLabel(
      entities.find((entity) => entity.name === name),
      name,
    );

  return (
    <>
      <ol ref={list} class="examples">
        {lines.map((line, row) => {
          const told = notes.get(row) ?? [];
          return (
            // Lines have no names of their own; their inputs hold no state that could get mixed up.
            <li key={row} class="example">
              <div class="example-row">
                <input
                  class="example-text"
                  aria-label={`Example ${row + 1}`}
                  dir="auto"
                  autocomplete="off"
                  maxLength={1000}
                  value={line.text}
                  onInput={(event) => {
                    put(row, retyped(line, event.currentTarget.value));
                    setSelected(null);
                  }}
                  onSelect={(event) => select(row, event.currentTarget)}
                  onPaste={(event) => {
                    const pasted = (event.clipboardData?.getData("text") ?? "").split(/\r?\n/).map((text) => text.trim());
                    const more = pasted.filter((text) => text !== "").map((text) => ({ text, marks: [] }));
                    if (more.length < 2) return;
                    event.preventDefault();
                    change([...lines.slice(0, line.text === "" ? row : row + 1), ...more, ...lines.slice(row + 1)]);
                    setFocus(row + more.length - (line.text === "" ? 1 : 0));
                  }}
                  onKeyDown={(event) => {
                    if (event.isComposing) return;
                    if (event.key === "Enter") {
                      event.preventDefault();
                      change([...lines.slice(0, row + 1), { text: "", marks: [] }, ...lines.slice(row + 1)]);
                      setFocus(row + 1);
                    } else if (event.key === "Backspace" && line.text === "" && lines.length > 1) {
                      event.preventDefault();
                      drop(row);
                    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !event.shiftKey) {
                      const next = inputs()[row + (event.key === "ArrowDown" ? 1 : -1)];
                      if (next === undefined) return;
                      event.preventDefault();
                      next.focus();
                    }
                  }}
                />
                <button type="button" class="icon-button" aria-label={`Remove example ${row + 1}`} onClick={() => drop(row)}>
                  <svg viewBox="0 0 20 20" width={16} height={16} aria-hidden="true" class="icon">
                    <path d="M5 5l10 10M15 5 5 15" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" />
                  </svg>
                </button>
              </div>
              {selected?.row === row && (
                <div class="mark-bar" role="group" aria-label={`Mark “${line.text.slice(selected.start, selected.end)}” as`}>
                  <span aria-hidden="true">
                    “<bdi>{line.text.slice(selected.start, selected.end)}</bdi>” is
                  </span>
                  {names.map((name) => (
                    <button key={name} type="button" class="pick" onMouseDown={(event) => event.preventDefault()} onClick={() => mark(selected, name)}>
                      {label(name)}
                    </button>
                  ))}
                  <Button
                    kind="link"
                    onClick={() => {
                      const kept = selected;
                      make(line.text.slice(kept.start, kept.end), (entity) => mark(kept, entity));
                    }}
                  >
                    Something new…
                  </Button>
                </div>
              )}
              {line.marks.length > 0 && (
                <ul class="marks" aria-label={`Marked in example ${row + 1}`}>
                  {line.marks.map((found) => (
                    <li key={found.start} class="mark-chip">
                      <bdi>{line.text.slice(found.start, found.end)}</bdi> <span class="mark-kind">{label(found.entity)}</span>
                      <button
                        type="button"
                        class="mark-off"
                        aria-label={`Unmark “${line.text.slice(found.start, found.end)}”`}
                        onClick={() => {
                          put(row, unmarked(line, found.start));
                          setFocus(row);
                        }}
                      >
                        ×
                      </button>
                    </li>
                  ))}
                </ul>
              )}
              {told.map((note) => (
                <p key={note.text} class={`line-note ${note.tone}`}>
                  <NoteWords note={note} />
                </p>
              ))}
            </li>
          );
        })}
      </ol>
      <Button
        small
        onClick={() => {
          change([...lines, { text: "", marks: [] }]);
          setFocus(lines.length);
        }}
      >
        Add an example
      </Button>
    </>
  );
}
