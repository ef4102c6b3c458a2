/** How customers ask: the variants, as lines or as one text. */
import type { VNode } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { sameValue } from "../fields";
import { Button } from "../ui/button";
import { duplicates } from "../variants";
import { count } from "../words";
import { VariantRows } from "./variant_rows";
import type { LineAdvice } from "./advice";
import { type Note, Notes } from "./note";

/** From so many on, one looks for a line rather than at all of them. */
const FIND_FROM = 12;
/** A change of so many lines at once may be taken back at once. */
const MANY = 2;
const LISTED = 12;
const PAUSE_MS = 250;

interface Props {
  lines: readonly string[];
  title: string;
  advice: LineAdvice;
  /** Warnings about all variants together. */
  general: readonly Note[];
  change: (lines: string[]) => void;
}

function useNotes(lines: readonly string[], title: string, advice: LineAdvice): { notes: Map<number, Note[]>; repeated: number } {
  const doubles = useMemo(() => duplicates(lines, title), [lines, title]);
  const notes = useMemo(() => {
    const out = new Map<number, Note[]>();
    for (const [index, first] of doubles)
      out.set(index, [{ tone: "warning", text: first < 0 ? "The same as the title." : `The same as variant ${first + 1}.`, article: null }]);
    if (advice.size > 0)
      lines.forEach((line, i) => {
        const told = advice.get(line.trim());
        if (told !== undefined && !doubles.has(i)) out.set(i, [...told]);
      });
    return out;
  }, [lines, doubles, advice]);
  return { notes, repeated: doubles.size };
}

/** One text for all lines. It is taken apart when the writing pauses: of ten thousand lines that takes a while. */
function LinesAsText({ lines, change }: { lines: readonly string[]; change: (lines: string[]) => void }): VNode {
  const area = useRef<HTMLTextAreaElement>(null);
  const known = useRef(lines);
  const timer = useRef(0);
  useLayoutEffect(() => {
    // What comes from elsewhere (an undo, a save) is shown; what was typed here stands there already.
    if (area.current === null || lines === known.current) return;
    known.current = lines;
    const text = lines.join("\n");
    // The caret stays where it is unless it must move.
    if (area.current.value !== text) area.current.value = text;
  }, [lines]);
  useLayoutEffect(() => () => clearTimeout(timer.current), []);
  const flush = (): void => {
    clearTimeout(timer.current);
    if (area.current === null) return;
    const text = area.current.value;
    const next = text === "" ? [] : text.split("\n");
    if (sameValue(next, known.current)) return;
    known.current = next;
    change(next);
  };
  return (
    <textarea
      ref={area}
      class="variants-text"
      dir="auto"
      rows={16}
      aria-label="Variants, one per line"
      spellcheck={false}
      defaultValue={lines.join("\n")}
      onInput={() => {
        clearTimeout(timer.current);
        timer.current = window.setTimeout(flush, PAUSE_MS);
      }}
      onBlur={flush}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey) flush();
      }}
    />
  );
}

export function Variants({ lines, title, advice, general, change }: Props): VNode {
  const [asText, setAsText] = useState(false);
  const [find, setFind] = useState("");
  const [onlyNoted, setOnlyNoted] = useState(false);
  const [wanted, setWanted] = useState<{ index: number } | null>(null);
  const [before, setBefore] = useState<{ lines: readonly string[]; words: string } | null>(null);
  const { notes, repeated } = useNotes(lines, title, advice);
  const filled = useMemo(() => lines.reduce((n, line) => (line.trim() === "" ? n : n + 1), 0), [lines]);

  const noted = onlyNoted && notes.size > 0;
  const shown = useMemo(() => {
    const wish = find.trim().toLowerCase();
    const all = lines.map((_, i) => i);
    return wish === "" && !noted ? all : all.filter((i) => (wish === "" || lines[i]?.toLowerCase().includes(wish)) && (!noted || notes.has(i)));
  }, [lines, find, noted, notes]);

  const put = (next: string[], words: string): void => {
    setBefore(Math.abs(next.length - lines.length) >= MANY ? { lines, words } : null);
    change(next);
  };
  const splice = (at: number, gone: number, texts: readonly string[]): void => {
    // A line that is split or added need not match what was looked for.
    if (texts.length > 1) setFind("");
    put([...lines.slice(0, at), ...texts, ...lines.slice(at + gone)], `${count(Math.abs(texts.length - gone), "line")} put in.`);
  };

  return (
    <section class="editor-part">
      <div class="part-head">
        <h2>Variants</h2>
        <p class="part-count" role="status">
          {filled === 0 ? "None yet" : count(filled, "variant")}
          {repeated > 0 && `, ${count(repeated, "repeats", "repeat")} another`}
        </p>
      </div>
      <p class="part-lead">Other ways in which customers ask this. Paste a list into any line: each of its lines becomes a variant.</p>
      <Notes notes={general} />
      {(lines.length >= FIND_FROM || notes.size > 0) && !asText && (
        <div class="variant-tools">
          {lines.length >= FIND_FROM && (
            <input class="find" type="search" aria-label="Find in the variants" placeholder="Find in the variants" value={find} onInput={(event) => setFind(event.currentTarget.value)} />
          )}
          {notes.size > 0 && (
            <button type="button" class="pick" aria-pressed={noted} onClick={() => setOnlyNoted(!noted)}>
              Only lines with advice <span class="tally">{notes.size}</span>
            </button>
          )}
          {repeated > 0 && (
            <Button
              small
              onClick={() => {
                const doubles = duplicates(lines, title);
                put(lines.filter((_, i) => !doubles.has(i)), `${count(repeated, "repeated line")} removed.`);
              }}
            >
              Remove repeated lines
            </Button>
          )}
        </div>
      )}
      {asText ? (
        <>
          <LinesAsText lines={lines} change={(next) => put(next, "The lines were changed.")} />
          {notes.size > 0 && (
            <ul class="text-notes">
              {[...notes].slice(0, LISTED).map(([index, told]) => (
                <li key={index}>
                  Line {index + 1}: {told[0]?.text}
                </li>
              ))}
              {notes.size > LISTED && <li>and {count(notes.size - LISTED, "more line")}.</li>}
            </ul>
          )}
        </>
      ) : lines.length === 0 ? null : shown.length === 0 ? (
        <p class="part-lead">No variant matches.</p>
      ) : (
        <VariantRows lines={lines} shown={shown} notes={notes} splice={splice} wanted={wanted} />
      )}
      <div class="variant-foot">
        {!asText && (
          <Button
            onClick={() => {
              setFind("");
              setOnlyNoted(false);
              change([...lines, ""]);
              setWanted({ index: lines.length });
            }}
          >
            Add a variant
          </Button>
        )}
        <Button
          kind="ghost"
          aria-pressed={asText}
          onClick={() => {
            // A list that ends in an empty line would show a line that nobody wrote.
            if (asText) change(lines.filter((line) => line.trim() !== ""));
            setAsText(!asText);
          }}
        >
          Edit as text
        </Button>
        {before !== null && (
          <span class="undo" role="status">
            {before.words}{" "}
            <Button
              kind="link"
              onClick={() => {
                change([...before.lines]);
                setBefore(null);
              }}
            >
              Undo
            </Button>
          </span>
        )}
      </div>
    </section>
  );
}
