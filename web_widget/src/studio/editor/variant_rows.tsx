/** The variants as a list of lines, of which only those in view are drawn: ten thousand stay quick. */
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { CloseIcon } from "../../shared/icons";
import { inView, linesOf } from "../variants";
import { type Note, NoteWords } from "./note";

const ROW_PX = 42;
const NOTE_PX = 26;
const NARROW_NOTE_PX = 44;
const AROUND_PX = 300;

interface Props {
  lines: readonly string[];
  /** Which lines are shown, by index, in order. */
  shown: readonly number[];
  notes: ReadonlyMap<number, readonly Note[]>;
  /** Puts `texts` in the place of `gone` lines from `at` on. */
  splice: (at: number, gone: number, texts: readonly string[]) => void;
  /** A line to put the focus on; a new object for each wish. */
  wanted: { index: number } | null;
}

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia("(max-width: 760px)").matches);
  useEffect(() => {
    const query = matchMedia("(max-width: 760px)");
    const changed = (): void => setNarrow(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return narrow;
}

export function VariantRows({ lines, shown, notes, splice, wanted }: Props): VNode {
  const room = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 480 });
  const [focus, setFocus] = useState<{ index: number } | null>(null);
  const notePx = useNarrow() ? NARROW_NOTE_PX : NOTE_PX;
  const offsets = useMemo(() => {
    const out = [0];
    let y = 0;
    for (const index of shown) {
      y += ROW_PX + notePx * (notes.get(index)?.length ?? 0);
      out.push(y);
    }
    return out;
  }, [shown, notes, notePx]);

  useEffect(() => setFocus(wanted), [wanted]);
  useLayoutEffect(() => {
    const element = room.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setView((was) => ({ ...was, height: element.clientHeight })));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const { from, to } = inView(offsets, view.top, view.height, AROUND_PX);
  useLayoutEffect(() => {
    const element = room.current;
    if (focus === null || element === null) return;
    const at = shown.indexOf(focus.index);
    if (at < 0) return;
    const input = element.querySelector<HTMLInputElement>(`[data-row="${focus.index}"]`);
    if (input === null) {
      const top = Math.max(0, (offsets[at] ?? 0) - view.height / 2);
      element.scrollTop = top;
      setView((was) => ({ ...was, top: element.scrollTop }));
      return;
    }
    input.focus();
    input.setSelectionRange(input.value.length, input.value.length);
    setFocus(null);
  }, [focus, from, to, offsets]);

  // Advice that appears above or below the line one writes in must not push it out of sight.
  useLayoutEffect(() => {
    const element = room.current;
    const row = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.row : undefined;
    if (element === null || row === undefined || !element.contains(document.activeElement)) return;
    const at = shown.indexOf(Number(row));
    const top = offsets[at];
    const end = offsets[at + 1];
    if (top === undefined || end === undefined) return;
    if (end > element.scrollTop + element.clientHeight) element.scrollTop = end - element.clientHeight;
    else if (top < element.scrollTop) element.scrollTop = top;
  }, [offsets]);

  const press = (event: KeyboardEvent, index: number, at: number): void => {
    const input = event.currentTarget as HTMLInputElement;
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") {
      event.preventDefault();
      const cut = input.selectionStart ?? input.value.length;
      splice(index, 1, [input.value.slice(0, cut), input.value.slice(cut)]);
      setFocus({ index: index + 1 });
    } else if (event.key === "Backspace" && input.value === "" && lines.length > 1) {
      event.preventDefault();
      splice(index, 1, []);
      setFocus({ index: Math.max(0, index - 1) });
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = shown[at + (event.key === "ArrowDown" ? 1 : -1)];
      if (next === undefined) return;
      event.preventDefault();
      setFocus({ index: next });
    }
  };

  const paste = (event: ClipboardEvent, index: number): void => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!/[\r\n]/.test(text.trim())) return;
    event.preventDefault();
    const input = event.currentTarget as HTMLInputElement;
    const pasted = linesOf(text);
    const before = input.value.slice(0, input.selectionStart ?? input.value.length);
    const after = input.value.slice(input.selectionEnd ?? input.value.length);
    const texts = [before + (pasted[0] ?? ""), ...pasted.slice(1)];
    texts.push(`${texts.pop() ?? ""}${after}`);
    splice(index, 1, texts);
    setFocus({ index: index + texts.length - 1 });
  };

  const remove = (index: number, at: number): void => {
    splice(index, 1, []);
    if (lines.length > 1) setFocus({ index: at === shown.length - 1 ? Math.max(0, index - 1) : index });
  };

  return (
    <div
      ref={room}
      class="variant-room"
      onScroll={(event) => {
        const { scrollTop, clientHeight } = event.currentTarget;
        setView({ top: scrollTop, height: clientHeight });
      }}
    >
      <ul style={{ paddingBlockStart: `${offsets[from] ?? 0}px`, paddingBlockEnd: `${(offsets.at(-1) ?? 0) - (offsets[to] ?? 0)}px` }}>
        {shown.slice(from, to).map((index, i) => {
          const at = from + i;
          const told = notes.get(index) ?? [];
          return (
            <li key={index} aria-posinset={at + 1} aria-setsize={shown.length}>
              <span class="variant-line">
                <span class="variant-n" aria-hidden="true">
                  {index + 1}
                </span>
                <input
                  data-row={index}
                  dir="auto"
                  aria-label={`Variant ${index + 1}`}
                  aria-describedby={told.length > 0 ? `variant-notes-${index}` : undefined}
                  autocomplete="off"
                  maxLength={1000}
                  value={lines[index] ?? ""}
                  onInput={(event) => splice(index, 1, [event.currentTarget.value])}
                  onKeyDown={(event) => press(event, index, at)}
                  onPaste={(event) => paste(event, index)}
                />
                <button type="button" class="icon-button" aria-label={`Remove variant ${index + 1}`} onClick={() => remove(index, at)}>
                  <CloseIcon />
                </button>
              </span>
              {told.length > 0 && (
                <span class="variant-notes" id={`variant-notes-${index}`}>
                  {told.map((note) => (
                    <span key={note.text} class={`variant-note ${note.tone}`} title={note.text}>
                      <NoteWords note={note} />
                    </span>
                  ))}
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
