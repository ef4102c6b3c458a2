/** Every version of an article or an intent: who, when, what differs, and the way back. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Version } from "../protocol";
import type { Studio } from "../page";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
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

interface Props<Of> {
  session: Studio;
  /** Under which the server has it, and by which name an answer holds it. */
  path: string;
  kind: "article" | "intent";
  /** Its newest version. */
  version: number;
  /** The editor holds words that are not saved: nothing is restored over them. */
  dirty: boolean;
  /** Behind "Version 3 is back." */
  then: string;
  restored: (of: Of) => void;
  diff: (before: Of, after: Of) => VNode;
  close: () => void;
}

/** What an answer holds; null while there is none. */
function within<Of>(answer: Readonly<Record<string, Of>> | null, kind: string): Of | null {
  return answer?.[kind] ?? null;
}

export function HistoryDrawer<Of>({ session, path, kind, version: current, dirty, then, restored, diff, close }: Props<Of>): VNode {
  const { api } = session;
  const history = `${path}/history`;
  const list = useLoad<{ versions: Version[] }>(api, history);
  const [newer, setNewer] = useState(current);
  const [older, setOlder] = useState<number | null>(null);
  const versions = [...(list.data?.versions ?? [])].sort((a, b) => b.version - a.version);
  const before = older ?? versions.find(({ version }) => version < newer)?.version ?? null;
  const left = useLoad<Record<string, Of>>(api, before === null ? null : `${history}/${before}`);
  const right = useLoad<Record<string, Of>>(api, `${history}/${newer}`);
  const [was, is] = [within(left.data, kind), within(right.data, kind)];
  const [busy, setBusy] = useState<number | null>(null);

  const restore = async (version: number): Promise<void> => {
    setBusy(version);
    const answer = await api.post<Record<string, Of>>(`${path}/restore`, { version, base_version: current });
    setBusy(null);
    if (answer.ok) {
      session.tell(`Version ${version} is back. ${then}`);
      session.refresh();
      const back = within(answer.data, kind);
      if (back !== null) restored(back);
    } else session.refused(answer.error);
  };

  return (
    <Dialog title="History" kind="drawer" close={close}>
      {list.error !== null && <LoadFailed error={list.error} again={list.again} />}
      {list.data === null && list.error === null && <Spinner />}
      {versions.length > 0 && (
        <>
          <table class="versions">
            <caption class="sr">Versions of this {kind}, the newest first</caption>
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
                    {at === null ? (
                      "It came with Baton"
                    ) : (
                      <>
                        <span dir="auto">{by}</span> {ACTIONS[action]}
                      </>
                    )}
                    <small>
                      {at !== null && `${when(at)} · `}version {version}
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
                    {version !== current && action !== "removed" && (
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
              ? is !== null && <p class="part-lead">Nothing came before it.</p>
              : was !== null && is !== null && diff(was, is)}
          </section>
        </>
      )}
    </Dialog>
  );
}
