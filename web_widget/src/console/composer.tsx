/** Where an agent writes: a reply to the customer, or a note that the customer never sees. */
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { useGrowing } from "../shared/grow";
import { lengthWords, MAX_TEXT, textLength } from "../shared/protocol";

export type Mode = "say" | "note";

interface Props {
  conversation: string;
  mode: Mode;
  text: string;
  setMode: (mode: Mode) => void;
  setText: (text: string) => void;
  send: () => void;
  typing: (on: boolean) => void;
  field: { current: HTMLTextAreaElement | null };
}

export function Composer({ conversation, mode, text, setMode, setText, send, typing, field }: Props): VNode {
  const idle = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const length = textLength(text.trim());
  const fits = length > 0 && length <= MAX_TEXT;

  useGrowing(field, [text, mode, conversation]);

  const submit = (): void => {
    if (!fits) return;
    clearTimeout(idle.current);
    send();
  };
  const label = mode === "say" ? "Reply to the customer" : "Private note, never shown to the customer";
  return (
    <form
      class={`composer ${mode}`}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="modes" role="group" aria-label="What to write">
        <button type="button" aria-pressed={mode === "say"} onClick={() => setMode("say")}>
          Reply <kbd>R</kbd>
        </button>
        <button type="button" aria-pressed={mode === "note"} onClick={() => setMode("note")}>
          Private note <kbd>N</kbd>
        </button>
        <span class={length > MAX_TEXT ? "left over" : "left"} role="status">
          {length > MAX_TEXT - 400 ? lengthWords(MAX_TEXT - length) : ""}
        </span>
      </div>
      <div class="write">
        <textarea
          ref={field}
          rows={2}
          dir="auto"
          aria-label={label}
          placeholder={mode === "say" ? "Write to the customer…" : "Only colleagues will read this…"}
          value={text}
          onInput={(event) => {
            const value = event.currentTarget.value;
            setText(value);
            if (mode !== "say") return;
            clearTimeout(idle.current);
            typing(value !== "");
            idle.current = setTimeout(() => typing(false), 4_000);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        <button type="submit" class="primary" disabled={!fits}>
          {mode === "say" ? "Send" : "Save note"}
        </button>
      </div>
    </form>
  );
}
