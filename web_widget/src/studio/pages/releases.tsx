/** All releases with their figures; what is live, on trial, or can be gone back to. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { share, stamp } from "../figures";
import type { Studio } from "../page";
import type { Release } from "../protocol_teach";
import { href } from "../router";
import { Button } from "../ui/button";
import type { Loaded } from "../ui/load";
import { Badge, EmptyState, LoadFailed, Spinner } from "../ui/parts";
import { type Column, Table } from "../ui/table";
import { CanaryDialog, PublishDialog, RollbackDialog } from "./release_dialogs";

interface Props {
  session: Studio;
  releases: Loaded<{ releases: Release[] }>;
  /** Something was published, begun or taken back. */
  changed: () => void;
}

interface Open { what: "publish" | "canary" | "rollback"; release: Release }

export function Releases({ session, releases, changed }: Props): VNode {
  const [open, setOpen] = useState<Open | null>(null);
  if (releases.data === null) return releases.error === null ? <Spinner /> : <LoadFailed error={releases.error} again={releases.again} />;
  const rows = releases.data.releases;
  if (rows.length === 0)
    return (
      <EmptyState title="There is no release yet">
        <p>The first training makes one.</p>
      </EmptyState>
    );
  const live = rows.find((release) => release.live) ?? null;
  const close = (): void => setOpen(null);
  const done = (text: string): void => {
    close();
    session.tell(text);
    changed();
  };
  const columns: Column<Release>[] = [
    { name: "Release", cell: (release) => <Name release={release} /> },
    { name: "Right article first", numeric: true, cell: (release) => share(release.figures?.knowledge?.accuracy_top1) },
    { name: "Answered", numeric: true, cell: (release) => share(release.figures?.knowledge?.coverage) },
    { name: "Wrong", numeric: true, cell: (release) => share(release.figures?.knowledge?.wrong_answer_rate) },
    {
      name: "Actions",
      cell: (release) => <Actions release={release} live={live} open={(what) => setOpen({ what, release })} />,
    },
  ];
  return (
    <>
      <p class="section-lead">The figures are what each training expects, from questions that it held back. The report has those of the exam.</p>
      <Table caption="Releases, the latest first, with what their training expects of them" columns={columns} rows={rows} id={(release) => release.id} />
      {open?.what === "publish" && <PublishDialog api={session.api} release={open.release} live={live} close={close} done={done} refused={session.refused} />}
      {open?.what === "canary" && <CanaryDialog api={session.api} release={open.release} close={close} done={done} refused={session.refused} />}
      {open?.what === "rollback" && <RollbackDialog api={session.api} release={open.release} live={live} close={close} done={done} refused={session.refused} />}
    </>
  );
}

function Name({ release }: { release: Release }): VNode {
  return (
    <div class="release-name">
      <p>
        {release.has_report ? <a href={href("releases", release.id)}>{stamp(release.created_at)}</a> : <span>{stamp(release.created_at)}</span>} {release.live && <Badge tone="good">Live</Badge>}
        {release.canary && <Badge tone="warn">Canary</Badge>}
        {release.previous && <Badge>Live before</Badge>}
        {release.problem !== null && <Badge tone="bad">Damaged</Badge>}
      </p>
      <small>
        <span class="mono">{release.id}</span>
        {release.asked_by !== null && <> by <span dir="auto">{release.asked_by}</span></>}
        {release.note !== null && <span dir="auto">: {release.note}</span>}
      </small>
      {release.problem !== null && <small class="problem">{release.problem}</small>}
    </div>
  );
}

function Actions({ release, live, open }: { release: Release; live: Release | null; open: (what: Open["what"]) => void }): VNode {
  const named = <span class="sr"> {release.id}</span>;
  return (
    <div class="row-actions">
      {release.has_report && (
        <a class="button small" href={href("releases", release.id)}>
          Report{named}
        </a>
      )}
      {release.problem === null && !release.live && !release.previous && (
        <>
          <Button small onClick={() => open("publish")}>
            Publish{named}
          </Button>
          {live !== null && !release.canary && (
            <Button small onClick={() => open("canary")}>
              Canary{named}
            </Button>
          )}
        </>
      )}
      {release.problem === null && release.previous && (
        <Button small onClick={() => open("rollback")}>
          Roll back{named}
        </Button>
      )}
      {release.problem === null && (
        <a class="button small" href={href("try", null, { release: release.live ? null : release.id })}>
          Try it{named}
        </a>
      )}
    </div>
  );
}
