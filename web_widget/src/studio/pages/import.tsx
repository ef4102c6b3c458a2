/** Files in, looked through before anything changes, and out again. */
import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import type { PageProps } from "../page";
import type { ImportPreview, ImportResult } from "../protocol";
import { href } from "../router";
import { ImportReview } from "../importing/review";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Notice, PageHead, Spinner } from "../ui/parts";
import { count } from "../words";

const MOST_BYTES = 32 * 1024 * 1024;

const EXPORTS = [
  { format: "csv", label: "CSV", hint: "for a spreadsheet" },
  { format: "jsonl", label: "JSONL", hint: "for programs" },
  { format: "markdown", label: "Markdown", hint: "a folder, for git" },
  { format: "rasa", label: "Rasa YAML", hint: "a folder, for Rasa" },
] as const;

function outcome(result: ImportResult): string {
  const parts = [
    [result.added, "added"],
    [result.changed, "changed"],
    [result.removed, "removed"],
    [result.unchanged, "as before"],
  ] as const;
  const told = parts.filter(([n]) => n > 0).map(([n, words]) => `${n.toLocaleString("en-GB")} ${words}`);
  return `Imported: ${told.length === 0 ? "nothing to change" : told.join(", ")}.`;
}

export function Import({ session, go }: PageProps): VNode {
  const input = useRef<HTMLInputElement>(null);
  const [locale, setLocale] = useState("en");
  const [over, setOver] = useState(false);
  const [reading, setReading] = useState<string | null>(null);
  const [wrong, setWrong] = useState<{ title: string; message: string } | null>(null);
  const [preview, setPreview] = useState<{ name: string; found: ImportPreview } | null>(null);
  const [busy, setBusy] = useState(false);

  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined || reading !== null) return;
    setPreview(null);
    setWrong(null);
    if (file.size > MOST_BYTES) {
      setWrong({ title: `${file.name} is too large`, message: "A file has at most 32 MB. Split it, or use the command line." });
      return;
    }
    setReading(file.name);
    const answer = await session.api.upload<ImportPreview>("/import/preview", { name: file.name, locale: locale.trim() }, file);
    setReading(null);
    if (answer.ok) setPreview({ name: file.name, found: answer.data });
    else setWrong({ title: `${file.name} could not be read`, message: answer.error.message });
  };

  const apply = async (skip: string[], replace: boolean): Promise<void> => {
    if (preview === null) return;
    setBusy(true);
    const answer = await session.api.post<ImportResult>("/import", { token: preview.found.token, replace, skip });
    setBusy(false);
    if (answer.ok) {
      session.tell(outcome(answer.data));
      session.refresh();
      go(href("changes"));
    } else session.refused(answer.error);
  };

  return (
    <>
      <PageHead title="Import and export" lead="You see what an import would change before it does. Customers get none of it until you publish." />
      {preview !== null ? (
        <ImportReview name={preview.name} found={preview.found} busy={busy} apply={(skip, replace) => void apply(skip, replace)} again={() => setPreview(null)} />
      ) : (
        <section class="import" aria-labelledby="import-title">
          <h2 id="import-title">Import a file</h2>
          <div
            class={over ? "drop over" : "drop"}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={(event) => {
              event.preventDefault();
              setOver(false);
              void read(event.dataTransfer?.files[0]);
            }}
          >
            {reading !== null ? (
              <Spinner label={`Reading ${reading}…`} />
            ) : (
              <>
                <p class="drop-lead">Drop a file here</p>
                <p>CSV, JSONL, Markdown, HTML, a sitemap, Rasa YAML, or a zip of such files. At most 32 MB.</p>
                <input
                  ref={input}
                  class="sr"
                  type="file"
                  aria-label="File to import"
                  tabIndex={-1}
                  onChange={(event) => {
                    void read(event.currentTarget.files?.[0]);
                    event.currentTarget.value = "";
                  }}
                />
                <Button kind="primary" onClick={() => input.current?.click()}>
                  Choose a file
                </Button>
              </>
            )}
          </div>
          {wrong !== null && (
            <Notice tone="bad" title={wrong.title}>
              <p>{wrong.message}</p>
            </Notice>
          )}
          <Field label="Language of articles that name none" hint="A code such as en, de or pt-BR." class="short">
            {(ids) => <input {...ids} maxLength={20} autocomplete="off" value={locale} onInput={(event) => setLocale(event.currentTarget.value)} />}
          </Field>
        </section>
      )}
      <section class="export" aria-labelledby="export-title">
        <h2 id="export-title">Export {session.summary === null ? "all articles" : `all ${count(session.summary.articles, "article")}`}</h2>
        <ul class="exports">
          {EXPORTS.map(({ format, label, hint }) => (
            <li key={format}>
              <a class="button" href={`/api/v1/studio/export?format=${format}`} download>
                {label}
              </a>
              <span>{hint}</span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
