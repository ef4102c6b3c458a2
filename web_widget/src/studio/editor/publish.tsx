/** One article on its way to the customers, and what that does in words. */
import type { VNode } from "preact";
import { PublishForm } from "../changes/publish_form";
import type { Article, Content } from "../protocol";
import type { Studio } from "../page";
import { href } from "../router";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ArticleDiff } from "../ui/diff";

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
  const nothingLive = session.summary?.live === null;
  const draft = article.status === "draft";

  // What was made ready stays so where publishing it is refused.
  let going = article;
  const chosen = async (): Promise<readonly string[] | null> => {
    const what = draft ? await ready() : article;
    if (what === null) return null;
    going = what;
    return [what.id];
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
        <PublishForm
          session={session}
          chosen={chosen}
          told={(from) => (
            <>
              <p>
                Customers get this text {from}, and new variants are found within two seconds. Nothing is trained for it, and no other change
                goes live with it.
              </p>
              {draft && <p>It is a draft so far: publishing marks it as ready.</p>}
              {live !== null && (
                <>
                  <h3 class="dialog-part">What changes for customers</h3>
                  <ArticleDiff before={live} after={article} />
                </>
              )}
            </>
          )}
          done={(atOnce) => (atOnce ? published(going) : close())}
          close={close}
        />
      )}
    </Dialog>
  );
}
