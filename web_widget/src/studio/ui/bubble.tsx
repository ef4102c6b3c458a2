/** Words as the widget shows them: the same renderer, the same style sheet (shared/bubble.css). */
import type { ComponentChildren, VNode } from "preact";
import { Mark, PageIcon } from "../../shared/icons";
import { Markdown, Plain } from "../../shared/richtext";
import { words } from "../../widget/strings";

/** `source`: the article that the answer is from. */
export function BotBubble({ text, source = null, children }: { text: string; source?: string | null; children?: ComponentChildren }): VNode {
  return (
    <div class="row bot first">
      <div class="who" aria-hidden="true">
        <span class="avatar bot">
          <Mark size={16} />
        </span>
        {words.assistant}
      </div>
      <div class="bubble" dir="auto">
        <span class="sr" dir="auto">{words.assistant}: </span>
        <Markdown text={text} />
        {source !== null && (
          <div class="source">
            <PageIcon />
            <span>
              {words.source}: <cite>{source}</cite>
            </span>
          </div>
        )}
      </div>
      {children}
    </div>
  );
}

export function CustomerBubble({ text, children }: { text: string; children?: ComponentChildren }): VNode {
  return (
    <div class="row customer first">
      <div class="bubble" dir="auto">
        <span class="sr" dir="auto">Customer: </span>
        <Plain text={text} />
      </div>
      {children}
    </div>
  );
}

/** A piece of the widget's log, on its own ground. */
export function ChatRoom({ label, children }: { label: string; children: ComponentChildren }): VNode {
  return (
    <div class="chat-room" role="group" aria-label={label}>
      {children}
    </div>
  );
}
