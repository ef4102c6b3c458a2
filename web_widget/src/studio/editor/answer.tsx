/** The answer in Markdown, with a toolbar for those who do not know it, and beside it what customers will see. */
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { useGrowing } from "../../shared/grow";
import { applyTool, type Tool } from "../markdown_edit";
import { BotBubble, ChatRoom, CustomerBubble } from "../ui/bubble";
import { type Note, Notes } from "./note";

function ToolIcon({ d }: { d: string }): VNode {
  return (
    <svg viewBox="0 0 20 20" width={18} height={18} aria-hidden="true" class="icon">
      <path d={d} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

const TOOLS: readonly { tool: Tool; label: string; sign: VNode | string; key: string | null }[] = [
  { tool: "bold", label: "Bold", sign: "B", key: "b" },
  { tool: "italic", label: "Italic", sign: "I", key: "i" },
  { tool: "heading", label: "Heading", sign: "H", key: null },
  { tool: "bullets", label: "List", sign: <ToolIcon d="M4 5.500h.01M4 10h.01M4 14.500h.01M8 5.500h8.500M8 10h8.500M8 14.500h8.500" />, key: null },
  { tool: "numbers", label: "Numbered list", sign: <ToolIcon d="M3.200 4.200 4.500 3.500v4M3 12.200c.300-1.600 2.300-1.300 2 0-.100.700-2 2.300-2 2.300h2.200M8.500 5.500h8M8.500 10h8M8.500 14.500h8" />, key: null },
  { tool: "link", label: "Link", sign: "Link", key: "k" },
];

/** Types the change, as if by hand, so that Ctrl+Z takes it back. */
function type(area: HTMLTextAreaElement, tool: Tool): void {
  const edit = applyTool(tool, area.value, area.selectionStart, area.selectionEnd);
  area.focus();
  area.setSelectionRange(edit.from, edit.to);
  // No other way keeps the field's own history of changes.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  if (!document.execCommand("insertText", false, edit.text)) {
    area.setRangeText(edit.text, edit.from, edit.to, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  area.setSelectionRange(edit.start, edit.end);
}

interface Props {
  title: string;
  text: string;
  notes: readonly Note[];
  error: string | null;
  change: (text: string) => void;
}

export function Answer({ title, text, notes, error, change }: Props): VNode {
  const area = useRef<HTMLTextAreaElement>(null);
  useGrowing(area, [text]);
  const run = (tool: Tool): void => {
    if (area.current !== null) type(area.current, tool);
  };
  return (
    <section class="editor-part">
      <div class="part-head">
        <h2>Answer</h2>
      </div>
      <div class="answer">
        <div class="answer-write">
          <div class="tools" role="group" aria-label="Format the answer">
            {TOOLS.map(({ tool, label, sign, key }) => (
              <button
                key={tool}
                type="button"
                class={`tool ${tool}`}
                aria-label={label}
                title={key === null ? label : `${label} (Ctrl+${key.toUpperCase()})`}
                // The selection in the text must not be lost.
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => run(tool)}
              >
                {sign}
              </button>
            ))}
          </div>
          <textarea
            ref={area}
            class="answer-text"
            dir="auto"
            rows={9}
            aria-label="Answer"
            aria-invalid={error !== null}
            aria-describedby={error === null ? undefined : "answer-error"}
            placeholder="What the assistant replies. Short, friendly, complete."
            value={text}
            onInput={(event) => change(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
              const tool = TOOLS.find(({ key }) => key === event.key.toLowerCase());
              if (tool === undefined) return;
              event.preventDefault();
              run(tool.tool);
            }}
          />
          {error !== null && (
            <p id="answer-error" class="field-told wrong">
              {error}
            </p>
          )}
          <Notes notes={notes} />
        </div>
        <div class="answer-see">
          <h3>As customers see it</h3>
          <ChatRoom label="Preview of the answer">
            <CustomerBubble text={title.trim() === "" ? "…" : title} />
            <BotBubble text={text.trim() === "" ? "…" : text} source={title.trim() === "" ? null : title} />
          </ChatRoom>
        </div>
      </div>
    </section>
  );
}
