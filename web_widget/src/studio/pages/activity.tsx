/** Who did what, when and why. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { WireError } from "../../shared/protocol";
import type { PageProps } from "../page";
import type { AuditEntry } from "../protocol";
import { Button } from "../ui/button";
import { EmptyState, LoadFailed, PageHead, Spinner } from "../ui/parts";
import { Table } from "../ui/table";
import { when } from "../words";

const LIMIT = 50;

/** `published_articles` -> `Published articles`. */
export function actionWords(action: string): string {
  const words = action.replace(/[._-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What the log keeps beside, as one line; empty: nothing worth a look. */
function dataWords(data: unknown): string {
  if (typeof data !== "object" || data === null) return "";
  return Object.entries(data)
    .filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name.replaceAll("_", " ")}: ${Array.isArray(value) ? value.map(String).join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join("; ");
}

function More({ entry }: { entry: AuditEntry }): VNode | null {
  const words = dataWords(entry.data);
  if (words === "") return null;
  return (
    <details class="audit-more">
      <summary>Details</summary>
      <p>{words}</p>
    </details>
  );
}

const COLUMNS = [
  {
    name: "What",
    cell: (entry: AuditEntry): VNode => (
      <>
        <span class="audit-action">{actionWords(entry.action)}</span>{" "}
        <span class="audit-subject" dir="auto">
          {entry.subject}
        </span>
        <More entry={entry} />
      </>
    ),
  },
  { name: "Who", cell: (entry: AuditEntry): VNode => <span dir="auto">{entry.by}</span> },
  { name: "Why", cell: (entry: AuditEntry): VNode => <span dir="auto">{entry.why ?? "–"}</span> },
  { name: "When", cell: (entry: AuditEntry): VNode => <time dateTime={entry.at}>{when(entry.at)}</time> },
];

export function Activity({ session }: PageProps): VNode {
  const [entries, setEntries] = useState<readonly AuditEntry[] | null>(null);
  const [error, setError] = useState<WireError | null>(null);
  const [more, setMore] = useState(false);
  const [busy, setBusy] = useState(false);

  const fetchBefore = async (before: number | null): Promise<void> => {
    setBusy(true);
    const answer = await session.api.get<{ entries: AuditEntry[] }>("/audit", { before, limit: LIMIT });
    setBusy(false);
    if (!answer.ok) {
      setError(answer.error);
      return;
    }
    setError(null);
    setMore(answer.data.entries.length === LIMIT);
    setEntries((known) => [...(before === null ? [] : (known ?? [])), ...answer.data.entries]);
  };
  useEffect(() => void fetchBefore(null), []);

  return (
    <>
      <PageHead title="Activity" lead="Who changed and published what, and why. Nobody can change this log." />
      {error !== null && <LoadFailed error={error} again={() => void fetchBefore(entries?.at(-1)?.id ?? null)} />}
      {entries === null && error === null && <Spinner />}
      {entries?.length === 0 && (
        <EmptyState title="Nothing has happened yet">
          <p>What anybody saves, publishes, trains or settles stands here.</p>
        </EmptyState>
      )}
      {entries !== null && entries.length > 0 && (
        <>
          <Table caption="Activity, the newest first" columns={COLUMNS} rows={entries} id={(entry) => String(entry.id)} />
          {more && (
            <p class="pager">
              <Button busy={busy} onClick={() => void fetchBefore(entries.at(-1)?.id ?? null)}>
                {busy ? "Loading…" : "Show older"}
              </Button>
            </p>
          )}
        </>
      )}
    </>
  );
}
