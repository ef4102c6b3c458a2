/** What the last decision on a group did, carried to the page that is shown next. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { href } from "./router";
import { Notice } from "./ui/parts";

export interface Done {
  text: string;
  article: { id: string; title: string } | null;
  /** What to look at because of it. */
  doubt: string | null;
}

let last: Done | null = null;

export function keepDone(done: Done): void {
  last = done;
}

/** Shown once. It comes after the page is there, so that it is read out too. */
export function LastDone(): VNode {
  const [done, setDone] = useState<Done | null>(null);
  useEffect(() => {
    setDone(last);
    last = null;
  }, []);
  return (
    <div role="status">
      {done !== null && (
        <>
          <Notice tone="good">
            <p>
              {done.text} {done.article !== null && <a href={href("articles", done.article.id)}>Open “{done.article.title}”</a>}
            </p>
          </Notice>
          {done.doubt !== null && (
            <Notice tone="warn">
              <p>
                <span dir="auto">{done.doubt}</span> <a href={href("training", null, { tab: "exam" })}>Open the exam</a>
              </p>
            </Notice>
          )}
        </>
      )}
    </div>
  );
}
