/** Every version of an article: who, when, what differs, and the way back. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Article, Version } from "../protocol";
import type { Studio } from "../page";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ArticleDiff } from "../ui/diff";
import { useLoad } from "../ui/load";
import { LoadFailed, Spinner } from "../ui/parts";
import { when } from "../words";

const ACTIONS: Record<Version["action"], string> = {
  created: "created it",
  edited: "changed it",
  imported: "imported it",
  restored: "restored an earlier version",
  removed: "deleted it",
};

interface Props {
  session: Studio;
  article: Article;
  /** The editor holds words that are not saved: nothing is restored over them. */
  dirty: boolean;
  restored: (article: Article) => void;
  close: () => void;
}

export function HistoryDrawer({ session, article, dirty, restored, close }: Props): VNode {
  const { api } = session;
  const path = `/articles/${encodeURIComponent(article.id)}/history`;
  const list = useLoad<{ versions: Version[] }>(api, path);
  const [newer, setNewer] = useState(article.version);
  const [older, setOlder] = useState<number | null>(null);
  const versions = [...(list.data?.versions ?? [])].sort((a, b) => b.version - a.version);
  const before = older ?? versions.find(({ version }) => version < newer)?.version ?? null;
  const left = useLoad<{ article: Article }>(api, before === null ? null : `${path}/${before}`);
  const right = useLoad<{ article: Article }>(api, `${path}/${newer}`);
  const [busy, setBusy] = useState<number | null>(null);

  const restore = async (version: number): Promise<void> => {
    setBusy(version);
    const answer = await api.post<{ article: Article }>(`/articles/${encodeURIComponent(article.id)}/restore`, { version, base_version: article.version });
    setBusy(null);
    if (answer.ok) {
      session.tell(`Version ${version} is back. Customers get it when you publish it.`);
      session.refresh();
      restored(answer.data.article);
    } else session.refused(answer.error);
  };

  return (
    <Dialog title="History" kind="drawer" close={close}>
      {list.error !== null && <LoadFailed error={list.error} again={list.again} />}
      {list.data === null && list.error === null && <Spinner />}
      {versions.length > 0 && (
        <>
          <table class="versions">
            <caption class="sr">Versions of this article, the newest first</caption>
            <thead>
              <tr>
                <th scope="col">Version</th>
                <th scope="col">Before</th>
                <th scope="col">After</th>
                <th scope="col">
                  <span class="sr">Restore</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {versions.map(({ version, at, by, action, note }) => (
                <tr key={version} class={version === before || version === newer ? "current" : undefined}>
                  <th scope="row">
                    <span dir="auto">{by}</span> {ACTIONS[action]}
                    <small>
                      {when(at)} · version {version}
                      {note !== null && note !== "" && ` · ${note}`}
                    </small>
                  </th>
                  <td>
                    <input type="radio" name="before" aria-label={`Version ${version} before`} disabled={version >= newer} checked={version === before} onChange={() => setOlder(version)} />
                  </td>
                  <td>
                    <input
                      type="radio"
                      name="after"
                      aria-label={`Version ${version} after`}
                      checked={version === newer}
                      onChange={() => {
                        setNewer(version);
                        if (older !== null && older >= version) setOlder(null);
                      }}
                    />
                  </td>
                  <td>
                    {version !== article.version && (
                      <Button small busy={busy === version} disabled={dirty} onClick={() => void restore(version)} aria-label={`Restore version ${version}`}>
                        Restore
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {dirty && <p class="part-lead">Save or discard your changes before you restore a version.</p>}
          <section class="compare" aria-live="polite" aria-label="What changed">
            <h3>{before === null ? "The first version" : `From version ${before} to version ${newer}`}</h3>
            {left.error !== null && <LoadFailed error={left.error} again={left.again} />}
            {right.error !== null && <LoadFailed error={right.error} again={right.again} />}
            {before === null
              ? right.data !== null && <p class="part-lead">Nothing came before it.</p>
              : left.data !== null && right.data !== null && <ArticleDiff before={left.data.article} after={right.data.article} />}
          </section>
        </>
      )}
    </Dialog>
  );
}
