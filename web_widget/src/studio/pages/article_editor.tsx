/** One article: its title, variants and answer, and everything that is done with it. */
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { useAdvice } from "../editor/advice";
import { Answer } from "../editor/answer";
import { ConflictDialog } from "../editor/conflict";
import { Details } from "../editor/details";
import { HistoryDrawer } from "../editor/history";
import { type Note, Notes } from "../editor/note";
import { PublishDialog } from "../editor/publish";
import { NotOpen, SaveButton, useFocusOnFault, useSaveKey } from "../editor/saving";
import { useArticle } from "../editor/use_article";
import { Variants } from "../editor/variants";
import { asContent, sameContent } from "../fields";
import { useUnsaved } from "../guard";
import { tooMuch } from "../limits";
import type { PageProps, Studio } from "../page";
import type { Article, ArticleList, Content } from "../protocol";
import { href, NEW_ARTICLE } from "../router";
import { StateBadges } from "../states";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { ArticleDiff } from "../ui/diff";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { Notice, PageHead } from "../ui/parts";
import { when } from "../words";

type Open = "history" | "publish" | "delete" | null;

export function ArticleEditor({ session, go, route }: PageProps): VNode {
  const id = route.id === NEW_ARTICLE ? null : route.id;
  const load = useLoad<{ article: Article; live: Content | null }>(session.api, id === null ? null : `/articles/${encodeURIComponent(id)}`);
  if (id === null) return <Editor session={session} go={go} start={null} startLive={null} />;
  if (load.data === null)
    return (
      <NotOpen load={load} name="article">
        <a href={href("articles")}>All articles</a> · <a href={href("activity")}>Who did what</a>
      </NotOpen>
    );
  return <Editor session={session} go={go} start={load.data.article} startLive={load.data.live === null ? null : asContent(load.data.live)} />;
}

/** Tags and languages that other articles have; articles are not fetched for it. */
function useKnown(session: Studio): { tags: string[]; locales: string[] } {
  const { data } = useLoad<ArticleList>(session.api, "/articles", { limit: 1 });
  return useMemo(() => ({ tags: data?.tags.map(({ name }) => name) ?? [], locales: data?.locales ?? [] }), [data]);
}

function Editor({ session, go, start, startLive }: Pick<PageProps, "session" | "go"> & { start: Article | null; startLive: Content | null }): VNode {
  const editing = useArticle(session, start);
  const { base, form, dirty, saving, wrong, conflict, offered, gone, change } = editing;
  const [live, setLive] = useState(startLive);
  const [open, setOpen] = useState<Open>(null);
  const [deleting, setDeleting] = useState(false);
  const advice = useAdvice(session.api, base?.id ?? null, form);
  const limits = useMemo(() => tooMuch(form), [form.title, form.answer, form.questions]);
  const notesOf = (field: string): Note[] => [
    ...limits.filter((one) => one.field === field).map(({ message }): Note => ({ tone: "warning", text: message, article: null })),
    ...(advice.fields.get(field) ?? []),
  ];
  const known = useKnown(session);
  const room = useFocusOnFault(wrong);
  useUnsaved(dirty ? "This article has changes that are not saved. They are kept in this browser and offered when you come back." : null);

  const save = async (): Promise<void> => {
    if (saving) return;
    const made = base === null;
    const saved = await editing.save();
    if (made && saved !== null) go(href("articles", saved.id), { leave: true, replace: true });
  };
  useSaveKey(save);

  const remove = async (): Promise<void> => {
    if (base === null) return;
    setDeleting(true);
    const answer = await session.api.del(`/articles/${encodeURIComponent(base.id)}`, { base_version: base.version });
    setDeleting(false);
    if (answer.ok) {
      editing.revert();
      session.tell(live === null ? "Deleted." : "Deleted. Customers still get it until you publish the change.");
      session.refresh();
      go(href("articles"), { leave: true });
    } else {
      setOpen(null);
      session.refused(answer.error);
    }
  };

  const state = base === null ? null : live === null ? "new" : sameContent(base, live) ? "live" : "changed";
  const close = (): void => setOpen(null);
  return (
    <div ref={room} class="editor">
      <div class="editor-head">
        <PageHead
          title={base === null ? "New article" : base.title}
          lead={
            base === null ? (
              "One question, one answer. The more ways to ask it you give, the more customers find it."
            ) : (
              <>
                {state !== null && <StateBadges row={{ ...base, live: state }} />} Version {base.version}, saved {when(base.updated_at)} by{" "}
                <span dir="auto">{base.updated_by}</span>.
              </>
            )
          }
        >
          {base !== null && (
            <>
              <Button kind="ghost" onClick={() => setOpen("delete")}>
                Delete
              </Button>
              <Button kind="ghost" onClick={() => setOpen("history")}>
                History
              </Button>
            </>
          )}
          <div class="editor-bar">
            {dirty && (
              <span class="unsaved">
                Not saved
                {base !== null && (
                  <Button kind="link" onClick={editing.revert}>
                    Discard
                  </Button>
                )}
              </span>
            )}
            {base !== null && state !== "live" && !dirty && <Button onClick={() => setOpen("publish")}>Publish now</Button>}
            <SaveButton saving={saving} save={save} />
          </div>
        </PageHead>
      </div>
      {offered !== null && (
        <Notice tone="warn" title={`You wrote something here that was not saved (${when(offered.at)}).`}>
          {base !== null && offered.version !== base.version && <p>The article was changed since; both are put together when you save.</p>}
          <p class="notice-buttons">
            <Button small kind="primary" onClick={() => void editing.takeUp()}>
              Go on with it
            </Button>
            <Button small onClick={editing.throwAway}>
              Throw it away
            </Button>
          </p>
        </Notice>
      )}
      {gone && (
        <Notice tone="bad" title="Somebody deleted this article meanwhile.">
          <p>What you wrote is still here.</p>
          <p class="notice-buttons">
            <Button small kind="primary" onClick={() => void editing.saveAnew()}>
              Save it as an article again
            </Button>
          </p>
        </Notice>
      )}
      <div class="editor-columns">
        <div class="editor-main">
          <section class="editor-part">
            <Field label="Title" hint="The question in its plainest form, as a customer would ask it." error={wrong?.field === "title" ? wrong.message : null}>
              {(ids) => <input {...ids} class="title-input" dir="auto" autocomplete="off" maxLength={200} value={form.title} onInput={(event) => change({ title: event.currentTarget.value })} />}
            </Field>
            <Notes notes={notesOf("title")} />
          </section>
          <Answer
            title={form.title}
            text={form.answer}
            notes={notesOf("answer")}
            error={wrong?.field === "answer" ? wrong.message : null}
            change={(answer) => change({ answer })}
          />
          <Variants
            lines={form.questions}
            title={form.title}
            advice={advice.lines}
            general={notesOf("questions")}
            change={(questions) => change({ questions })}
          />
        </div>
        <aside class="editor-side" aria-label="Details of the article">
          <Details article={form} tags={known.tags} locales={known.locales} wrong={wrong} change={change} />
          {wrong !== null && !["title", "answer", "locale", "owner", "valid_from", "valid_until", "tags"].includes(wrong.field) && (
            <p class="field-told wrong" role="alert">
              {wrong.message}
            </p>
          )}
        </aside>
      </div>
      {open === "history" && base !== null && (
        <HistoryDrawer<Article>
          session={session}
          path={`/articles/${encodeURIComponent(base.id)}`}
          kind="article"
          version={base.version}
          dirty={dirty}
          then="Customers get it when you publish it."
          diff={(before, after) => <ArticleDiff before={before} after={after} />}
          restored={(article) => {
            editing.adopt(article);
            setOpen(null);
          }}
          close={close}
        />
      )}
      {open === "publish" && base !== null && (
        <PublishDialog
          session={session}
          article={base}
          live={live}
          ready={async () => {
            const answer = await session.api.put<{ article: Article }>(`/articles/${encodeURIComponent(base.id)}`, {
              base_version: base.version,
              article: { id: base.id, ...form, status: "ready" },
            });
            if (!answer.ok) {
              session.refused(answer.error);
              return null;
            }
            editing.adopt(answer.data.article);
            return answer.data.article;
          }}
          published={(article) => {
            setLive(article);
            setOpen(null);
          }}
          close={close}
        />
      )}
      {open === "delete" && base !== null && (
        <Confirm title="Delete this article?" button="Delete" danger busy={deleting} confirm={() => void remove()} close={close}>
          <p>
            “<span dir="auto">{base.title}</span>” and its {base.questions.length} variants leave the articles.{" "}
            {live === null ? "Customers have never had it." : "Customers get its answer until you publish the deletion under Changes."}
          </p>
        </Confirm>
      )}
      {conflict !== null && <ConflictDialog conflict={conflict} busy={saving} save={(choices) => void editing.settle(choices)} close={editing.backToWriting} />}
    </div>
  );
}
