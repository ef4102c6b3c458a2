/** All intents: what customers mean, and what Baton does. Below, the words that are found in what they write. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { EntityDialog } from "../intents/entity_dialog";
import { doesWords, entityKindWords, entityLabel, meaning, WARNINGS } from "../intents/words";
import type { PageProps } from "../page";
import type { Entity, IntentRow } from "../protocol_intents";
import { href, NEW_ARTICLE } from "../router";
import { Button } from "../ui/button";
import { useLoad } from "../ui/load";
import { Badge, EmptyState, LoadFailed, PageHead, Spinner } from "../ui/parts";
import { Table } from "../ui/table";
import { count, when } from "../words";

const COLUMNS = [
  {
    name: "When a customer …",
    cell: (row: IntentRow): VNode => (
      <a class="row-link" href={href("intents", row.name)} dir="auto">
        {meaning(row)}
      </a>
    ),
  },
  {
    name: "Baton …",
    cell: (row: IntentRow): VNode =>
      row.does?.kind === "nothing" ? <Badge>Draft</Badge> : <span>{doesWords(row)}</span>,
  },
  { name: "Examples", numeric: true, cell: (row: IntentRow): number => row.examples },
  {
    name: "To look at",
    cell: (row: IntentRow): VNode | string =>
      row.warnings.length === 0 ? (
        "–"
      ) : (
        <span class="badges">
          {row.warnings.map((code) => (
            <Badge key={code} tone="warn">
              {WARNINGS[code] ?? code}
            </Badge>
          ))}
        </span>
      ),
  },
  {
    name: "Changed",
    wide: true,
    cell: (row: IntentRow): VNode | string =>
      row.updated_at === null ? (
        "–"
      ) : (
        <span class="changed">
          <time dateTime={row.updated_at}>{when(row.updated_at)}</time> <span dir="auto">by {row.updated_by}</span>
        </span>
      ),
  },
];

export function Intents({ session }: PageProps): VNode {
  const load = useLoad<{ intents: IntentRow[] }>(session.api, "/intents");
  const own = load.data?.intents.filter((row) => !row.shipped) ?? [];
  const shipped = load.data?.intents.filter((row) => row.shipped) ?? [];
  return (
    <>
      <PageHead title="Intents" lead="What customers mean when no article is the answer, and what Baton does then. The next training learns it.">
        <a class="button primary" href={href("intents", NEW_ARTICLE)}>
          New intent
        </a>
      </PageHead>
      {load.error !== null && <LoadFailed error={load.error} again={load.again} />}
      {load.data === null && load.error === null && <Spinner />}
      {load.data !== null && (
        <>
          <section aria-labelledby="own-intents">
            <h2 id="own-intents">Yours</h2>
            {own.length === 0 ? (
              <EmptyState title="None yet">
                <p>For instance: when a customer asks for the press, Baton hands over to a person.</p>
              </EmptyState>
            ) : (
              <Table caption="Your intents" columns={COLUMNS} rows={own} id={(row) => row.name} />
            )}
          </section>
          <Entities session={session} />
          <section class="intents-part" aria-labelledby="shipped-intents">
            <h2 id="shipped-intents">Those that come with Baton</h2>
            <p class="part-lead">What they do stays. You can add examples in your customers’ words.</p>
            <Table caption="Intents that come with Baton" columns={COLUMNS.filter(({ name }) => name !== "Baton …")} rows={shipped} id={(row) => row.name} />
          </section>
        </>
      )}
    </>
  );
}

function Entities({ session }: Pick<PageProps, "session">): VNode {
  const load = useLoad<{ entities: Entity[] }>(session.api, "/entities");
  const [open, setOpen] = useState<Entity | "new" | null>(null);
  const entities = load.data?.entities ?? [];
  const done = (words: string): void => {
    setOpen(null);
    session.tell(words);
    load.again();
  };
  return (
    <section class="intents-part" aria-labelledby="entities">
      <h2 id="entities">Words to find</h2>
      <p class="part-lead">Mark them in examples; what is found in a message stands on the agent’s card.</p>
      {load.error !== null && <LoadFailed error={load.error} again={load.again} />}
      {entities.length > 0 && (
        <ul class="entities">
          {entities.map((entity) => (
            <li key={entity.name}>
              <button type="button" class="found-row" onClick={() => setOpen(entity)}>
                <span dir="auto">{entityLabel(entity, entity.name)}</span>
                <small dir="auto">{entityKindWords(entity)}</small>
              </button>
            </li>
          ))}
        </ul>
      )}
      <Button onClick={() => setOpen("new")}>{entities.length === 0 ? "Add the first" : "Add another"}</Button>
      <span class="sr" role="status">
        {load.data === null ? "" : count(entities.length, "kind of word", "kinds of words")}
      </span>
      {open !== null && (
        <EntityDialog
          session={session}
          entity={open === "new" ? null : open}
          taken={entities.map(({ name }) => name)}
          saved={() => done("Saved. The next training looks for it.")}
          removed={() => done("Removed.")}
          close={() => setOpen(null)}
        />
      )}
    </section>
  );
}
