/** Everything that customers do not get yet: looked through, chosen, published. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { PlanList } from "../changes/plans";
import { PublishForm } from "../changes/publish_form";
import { asContent, fieldNames } from "../fields";
import type { PageProps, Studio } from "../page";
import type { Article, Change, Changes, Content, Version } from "../protocol";
import { href } from "../router";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ArticleDiff } from "../ui/diff";
import { useLoad } from "../ui/load";
import { Badge, EmptyState, LoadFailed, Notice, PageHead, Spinner, type Tone } from "../ui/parts";
import { count, when } from "../words";

const KINDS: Record<Change["change"], { tone: Tone; words: string }> = {
  new: { tone: "good", words: "New" },
  changed: { tone: "warn", words: "Changed" },
  removed: { tone: "bad", words: "Deleted" },
};

const NOTHING = { title: "", answer: "", questions: [], tags: [] };

function isDraft(change: Change): boolean {
  return change.status === "draft" && change.change !== "removed";
}

/** A deletion that nobody has published can be taken back as if it had never been. */
function Removed({ session, change, back }: { session: Studio; change: Change; back: () => void }): VNode {
  const [busy, setBusy] = useState(false);
  const path = `/articles/${encodeURIComponent(change.id)}`;
  const restore = async (): Promise<void> => {
    setBusy(true);
    const found = await session.api.get<{ versions: Version[] }>(`${path}/history`);
    const last = found.ok ? found.data.versions.filter(({ action }) => action !== "removed").reduce((most, { version }) => Math.max(most, version), 0) : 0;
    const answer = found.ok ? await session.api.post(`${path}/restore`, { version: last, base_version: null }) : found;
    setBusy(false);
    if (!answer.ok) {
      session.refused(answer.error);
      return;
    }
    session.tell("The article is back.");
    session.refresh();
    back();
  };
  return (
    <>
      <p class="part-lead">When this is published, customers do not get this answer any more.</p>
      <Button small busy={busy} onClick={() => void restore()}>
        Take the deletion back
      </Button>
    </>
  );
}

function Look({ session, change, again }: { session: Studio; change: Change; again: () => void }): VNode {
  const load = useLoad<{ article: Article; live: Content | null }>(session.api, change.change === "removed" ? null : `/articles/${encodeURIComponent(change.id)}`);
  if (change.change === "removed") return <Removed session={session} change={change} back={again} />;
  if (load.error !== null) return <LoadFailed error={load.error} again={load.again} />;
  if (load.data === null) return <Spinner />;
  const { article, live } = load.data;
  return (
    <>
      <ArticleDiff before={live === null ? NOTHING : asContent(live)} after={article} />
    </>
  );
}

function Row({ session, change, chosen, choose, again }: {
  session: Studio;
  change: Change;
  chosen: boolean;
  choose: (on: boolean) => void;
  again: () => void;
}): VNode {
  const draft = isDraft(change);
  const [open, setOpen] = useState(false);
  const kind = KINDS[change.change];
  const id = `change-${change.id}`;
  return (
    <li class="change">
      <div class="change-top">
        <input type="checkbox" aria-label={`Publish ${change.title}`} checked={chosen} disabled={draft} onChange={(event) => choose(event.currentTarget.checked)} />
        <div class="change-name">
          {change.change === "removed" ? (
            <span dir="auto">{change.title}</span>
          ) : (
            <a class="plain" href={href("articles", change.id)} dir="auto">
              {change.title}
            </a>
          )}
          <p class="change-told">
            <Badge tone={kind.tone}>{kind.words}</Badge> {draft && <Badge>Draft</Badge>} {change.fields.length > 0 && `${fieldNames(change.fields)}, `}
            {when(change.at)} by <span dir="auto">{change.by}</span>
          </p>
        </div>
        <Button small aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
          {open ? "Hide" : "Show"}
          <span class="sr"> what changed in {change.title}</span>
        </Button>
      </div>
      <div id={id} class="change-more" hidden={!open}>
        {open && <Look session={session} change={change} again={again} />}
      </div>
    </li>
  );
}

export function ChangesPage({ session }: PageProps): VNode {
  const load = useLoad<Changes>(session.api, "/changes");
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState(false);
  const [turn, setTurn] = useState(0);
  const { data, error } = load;
  const changes = data?.changes ?? [];
  const ready = changes.filter((change) => !isDraft(change));
  const chosen = ready.filter(({ id }) => !left.has(id));
  const all = chosen.length === ready.length;
  const nothingLive = error?.code === "nothing_live";

  const choose = (id: string, on: boolean): void => {
    const next = new Set(left);
    if (on) next.delete(id);
    else next.add(id);
    setLeft(next);
  };

  return (
    <>
      <PageHead title="Changes" lead="What customers do not get yet. Publishing takes seconds and trains nothing.">
        {chosen.length > 0 && (
          <Button kind="primary" onClick={() => setAsking(true)}>
            Publish {count(chosen.length, "change")}
          </Button>
        )}
      </PageHead>
      {error !== null && !nothingLive && <LoadFailed error={error} again={load.again} />}
      {data === null && error === null && <Spinner />}
      {nothingLive && (
        <Notice tone="warn" title="Nothing is live yet">
          <p>
            Train the assistant once; from then on changes go live by themselves. <a href={href("training")}>Go to training</a>
          </p>
        </Notice>
      )}
      {!nothingLive && <PlanList session={session} turn={turn} done={load.again} />}
      {data !== null && changes.length === 0 && (
        <EmptyState title="Everything is live">
          <p>Customers get what the articles say. What you change shows up here.</p>
        </EmptyState>
      )}
      {changes.length > 0 && (
        <>
          <p class="choose-all">
            <label>
              <input type="checkbox" checked={all && ready.length > 0} disabled={ready.length === 0} indeterminate={!all && chosen.length > 0} onChange={() => setLeft(all ? new Set(ready.map(({ id }) => id)) : new Set())} /> All{" "}
              {count(ready.length, "change")} that {ready.length === 1 ? "is" : "are"} ready
            </label>
            <span role="status">{chosen.length} chosen</span>
          </p>
          <ul class="changes">
            {changes.map((change) => (
              <Row key={change.id} session={session} change={change} chosen={!isDraft(change) && !left.has(change.id)} choose={(on) => choose(change.id, on)} again={load.again} />
            ))}
          </ul>
        </>
      )}
      {asking && (
        <Dialog title={`Publish ${count(chosen.length, "change")}?`} close={() => setAsking(false)}>
          <PublishForm
            session={session}
            chosen={() => Promise.resolve(chosen.map(({ id }) => id))}
            told={(from) => (
              <p>
                Customers get {chosen.length === 1 ? "it" : "them"} {from}. All of it goes live in one moment, or nothing does.
              </p>
            )}
            done={() => {
              setAsking(false);
              setTurn((now) => now + 1);
              load.again();
            }}
            close={() => setAsking(false)}
          />
        </Dialog>
      )}
    </>
  );
}
