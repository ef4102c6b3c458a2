/** Where the customer writes. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useGrowing } from "../shared/grow";
import { SendIcon } from "../shared/icons";
import { MAX_TEXT, textLength } from "../shared/protocol";
import { words } from "./strings";

/** From this many characters on, the counter is shown. */
const COUNT_FROM = MAX_TEXT - 400;

interface Props {
  placeholder: string;
  send: (text: string) => void;
  typing: (on: boolean) => void;
  draft: { text: string; n: number };
  field: { current: HTMLTextAreaElement | null };
}

export function Composer({ placeholder, send, typing, draft, field }: Props): VNode {
  const [text, setText] = useState("");
  const idle = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const length = textLength(text.trim());
  const fits = length > 0 && length <= MAX_TEXT;

  useEffect(() => {
    if (draft.n === 0) return;
    // Words that are being written are never replaced.
    setText((now) => (now.trim() === "" ? draft.text : now));
    field.current?.focus();
  }, [draft.n]);

  useGrowing(field, [text]);

  const submit = (): void => {
    if (!fits) return;
    clearTimeout(idle.current);
    send(text.trim());
    setText("");
    field.current?.focus();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        dir="auto"
        enterkeyhint="send"
        aria-label={placeholder}
        aria-invalid={length > MAX_TEXT}
        aria-describedby="baton-count"
        placeholder={placeholder}
        value={text}
        onInput={(event) => {
          const value = event.currentTarget.value;
          setText(value);
          clearTimeout(idle.current);
          typing(value !== "");
          idle.current = setTimeout(() => typing(false), 4_000);
        }}
        onKeyDown={(event) => {
          // While an input method composes, Enter chooses a word.
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          submit();
        }}
      />
      <button type="submit" class="send" aria-label={words.send} disabled={!fits}>
        <SendIcon />
      </button>
      <span id="baton-count" class={length > MAX_TEXT ? "count over" : "count"} role="status">
        {length >= COUNT_FROM ? words.left(MAX_TEXT - length) : ""}
      </span>
    </form>
  );
}
