/** One article on its way to the customers, and what that does in words. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { publishedWords } from "../changes/words";
import type { Article, Content, Publication } from "../protocol";
import type { Studio } from "../page";
import { href } from "../router";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ArticleDiff } from "../ui/diff";
import { Field } from "../ui/field";

interface Props {
  session: Studio;
  /** As saved. */
  article: Article;
  live: Content | null;
  /** Marks a draft as ready; null: that did not work. */
  ready: () => Promise<Article | null>;
  published: (article: Article) => void;
  close: () => void;
}

export function PublishDialog({ session, article, live, ready, published, close }: Props): VNode {
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const nothingLive = session.summary?.live === null;
  const draft = article.status === "draft";

  const publish = async (): Promise<void> => {
    setBusy(true);
    const what = draft ? await ready() : article;
    if (what !== null) {
      const answer = await session.api.post<Publication>("/publish", { articles: [what.id], ...(why.trim() === "" ? {} : { why: why.trim() }) });
      if (answer.ok) {
        const { plan } = answer.data;
        session.tell(publishedWords("Published", answer.data));
        session.refresh();
        if (plan === undefined) published(what);
        else close();
      } else session.refused(answer.error);
    }
    setBusy(false);
  };

  return (
    <Dialog title="Publish this article" kind="wide" close={close}>
      {nothingLive ? (
        <>
          <p>Nothing is live yet, so there is nothing to add this article to. Train the assistant once; from then on articles go live by themselves.</p>
          <div class="buttons">
            <Button onClick={close}>Close</Button>
            <a class="button primary" href={href("training")}>
              Go to training
            </a>
          </div>
        </>
      ) : (
        <form
          method="dialog"
          onSubmit={(event) => {
            event.preventDefault();
            if (!busy) void publish();
          }}
        >
          <p>
            Customers get this text from their next question on, new variants included. Nothing is trained for
            it, and no other change goes live with it.
          </p>
          {draft && <p>It is a draft so far: publishing marks it as ready.</p>}
          {live !== null && (
            <>
              <h3 class="dialog-part">What changes for customers</h3>
              <ArticleDiff before={live} after={article} />
            </>
          )}
          <Field label="Why (optional)" hint="Stands in the activity log.">
            {(ids) => <input {...ids} maxLength={500} autocomplete="off" value={why} onInput={(event) => setWhy(event.currentTarget.value)} />}
          </Field>
          <div class="buttons">
            <Button onClick={close}>Cancel</Button>
            <Button type="submit" kind="primary" busy={busy}>
              {busy ? "Publishing…" : "Publish now"}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
