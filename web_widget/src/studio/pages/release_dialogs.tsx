/** Before a release goes to customers: what changes by it, and why it is done. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { WireError } from "../../shared/protocol";
import type { Api } from "../api";
import { publishedWords } from "../changes/words";
import { share, stamp } from "../figures";
import { toUtc } from "../dates";
import type { PublishAnswer, Release } from "../protocol_teach";
import { Confirm } from "../ui/dialog";
import { Field } from "../ui/field";

interface Props {
  api: Api;
  release: Release;
  close: () => void;
  done: (text: string) => void;
  refused: (error: WireError) => void;
}

type FromLive = Props & { live: Release | null };

export function PublishDialog({ api, release, live, close, done, refused }: FromLive): VNode {
  const { why, field, busy, run } = useWhy(api, refused);
  const [later, setLater] = useState("");
  const at = toUtc(later);
  return (
    <Confirm
      title={`Publish the release of ${stamp(release.created_at)}?`}
      button="Publish"
      busy={busy}
      close={close}
      confirm={() =>
        void run(`/releases/${encodeURIComponent(release.id)}/publish`, at === null ? why : { ...why, at }, (answer) =>
          done(publishedWords(`The release of ${stamp(release.created_at)} is live`, answer)),
        )
      }
    >
      <p>From the next message on, every customer is answered by it. {live === null ? "" : "You can roll back at any time."}</p>
      <Compared before={live} after={release} />
      <Field label="Go live at" hint="Leave it empty to publish now.">
        {(ids) => <input {...ids} type="datetime-local" value={later} onInput={(event) => setLater(event.currentTarget.value)} />}
      </Field>
      {field}
    </Confirm>
  );
}

export function RollbackDialog({ api, release, live, close, done, refused }: FromLive): VNode {
  const { why, field, busy, run } = useWhy(api, refused);
  return (
    <Confirm
      title={`Roll back to the release of ${stamp(release.created_at)}?`}
      button="Roll back"
      busy={busy}
      close={close}
      confirm={() => void run("/rollback", { ...why, to: release.id }, (answer) => done(publishedWords(`Rolled back: the release of ${stamp(release.created_at)} is live again`, answer)))}
    >
      <p>Customers get what they got before, the texts that were published then included. Your articles here stay as they are.</p>
      <Compared before={live} after={release} />
      {field}
    </Confirm>
  );
}

export function CanaryDialog({ api, release, close, done, refused }: Props): VNode {
  const [percent, setPercent] = useState(10);
  const { busy, run } = useWhy(api, refused);
  return (
    <Confirm
      title={`Try the release of ${stamp(release.created_at)} on some customers?`}
      button="Start the canary"
      busy={busy}
      close={close}
      confirm={() =>
        void run(`/releases/${encodeURIComponent(release.id)}/canary`, { share: percent / 100 }, () => done(`${percent} of 100 new conversations now go to the release of ${stamp(release.created_at)}.`))
      }
    >
      <p>A share of new conversations is answered by it from beginning to end, all others as before. You see the figures of both, and promote or stop it.</p>
      <Field label="Share of new conversations" hint={`${percent} of 100 new conversations.`}>
        {(ids) => <input {...ids} type="range" min={1} max={50} step={1} value={percent} onInput={(event) => setPercent(Number(event.currentTarget.value))} aria-valuetext={`${percent} percent`} />}
      </Field>
    </Confirm>
  );
}

/** The words that go into the log with it, and the call. */
export function useWhy(api: Api, refused: (error: WireError) => void): {
  why: { why?: string };
  field: VNode;
  busy: boolean;
  run: (path: string, body: unknown, then: (answer: PublishAnswer) => void) => Promise<void>;
} {
  const [words, setWords] = useState("");
  const [busy, setBusy] = useState(false);
  return {
    why: words.trim() === "" ? {} : { why: words.trim() },
    field: (
      <Field label="Why" hint="For the log of who published what. Optional.">
        {(ids) => <input {...ids} dir="auto" maxLength={500} value={words} onInput={(event) => setWords(event.currentTarget.value)} />}
      </Field>
    ),
    busy,
    run: async (path, body, then) => {
      setBusy(true);
      const answer = await api.post<PublishAnswer>(path, body);
      setBusy(false);
      if (answer.ok) then(answer.data);
      else refused(answer.error);
    },
  };
}

const EXPECTED = [
  ["accuracy_top1", "Right article first"],
  ["coverage", "Answered by the bot"],
  ["wrong_answer_rate", "Answers that are wrong"],
] as const;

function Compared({ before, after }: { before: Release | null; after: Release }): VNode | null {
  const [was, is] = [before?.figures?.knowledge ?? null, after.figures?.knowledge ?? null];
  if (is === null) return null;
  return (
    <table class="compared">
      <caption>What their trainings expect</caption>
      <thead>
        <tr>
          <td />
          <th scope="col">Now</th>
          <th scope="col">Then</th>
        </tr>
      </thead>
      <tbody>
        {EXPECTED.map(([name, label]) => (
          <tr key={name}>
            <th scope="row">{label}</th>
            <td>{share(was?.[name])}</td>
            <td>{share(is[name])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
