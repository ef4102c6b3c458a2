/** A release on trial: its figures beside those of what is live, and the two ways on. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { publishedWords } from "../changes/words";
import { canaryRows, canarySays } from "../canary";
import { Intervals } from "../charts/intervals";
import { number, share } from "../figures";
import type { Studio } from "../page";
import type { Canary } from "../protocol";
import type { PublishAnswer } from "../protocol_teach";
import { href } from "../router";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { count, when } from "../words";
import { useWhy } from "./release_dialogs";

export function CanaryCard({ session, canary, changed }: { session: Studio; canary: Canary; changed: () => void }): VNode {
  const [open, setOpen] = useState<"promote" | "stop" | null>(null);
  const { why, field, busy, run } = useWhy(session.api, session.refused);
  const { canary: trial, live } = canary.figures;
  const end = (words: (answer: PublishAnswer) => string) => (answer: PublishAnswer): void => {
    setOpen(null);
    session.tell(words(answer));
    changed();
  };
  return (
    <section class="job-card" aria-labelledby="canary-title">
      <div class="job-top">
        <div>
          <h2 id="canary-title">Canary</h2>
          <p>
            {share(canary.share, 0)} of new conversations go to <a href={href("releases", canary.release_id)}>release {canary.release_id}</a>, since {when(canary.since)} by <span dir="auto">{canary.by}</span>.
          </p>
        </div>
        <div class="row-actions">
          <Button onClick={() => setOpen("stop")}>Stop</Button>
          <Button kind="primary" onClick={() => setOpen("promote")}>
            Promote
          </Button>
        </div>
      </div>
      <p class="canary-says" role="status">
        <strong>{canarySays(canary)}</strong>
      </p>
      <div class="canary-figures">
        <Intervals
          title="Canary and live, with 95 % intervals"
          says={canaryRows(canary)
            .map((row) => `${row.name}: canary ${share(row.a?.share)}, live ${share(row.b?.share)}.`)
            .join(" ")}
          names={{ a: "Canary", b: "Live" }}
          rows={canaryRows(canary)}
        />
        <table class="compared">
          <caption>How much they have seen</caption>
          <thead>
            <tr>
              <td />
              <th scope="col">Canary</th>
              <th scope="col">Live</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">Conversations</th>
              <td>{number(trial.conversations)}</td>
              <td>{number(live.conversations)}</td>
            </tr>
            <tr>
              <th scope="row">Turns</th>
              <td>{number(trial.turns)}</td>
              <td>{number(live.turns)}</td>
            </tr>
            <tr>
              <th scope="row">Thumbs up</th>
              <td>{number(trial.thumbs_up)}</td>
              <td>{number(live.thumbs_up)}</td>
            </tr>
            <tr>
              <th scope="row">Thumbs down</th>
              <td>{number(trial.thumbs_down)}</td>
              <td>{number(live.thumbs_down)}</td>
            </tr>
          </tbody>
        </table>
      </div>
      {open === "promote" && (
        <Confirm title="Promote the canary?" button="Promote" busy={busy} close={() => setOpen(null)} confirm={() => void run("/canary/promote", why, end((answer) => publishedWords("The canary is live for everybody", answer)))}>
          <p>From the next message on, every customer is answered by release {canary.release_id}. You can roll back at any time.</p>
          {field}
        </Confirm>
      )}
      {open === "stop" && (
        <Confirm title="Stop the canary?" button="Stop it" busy={busy} close={() => setOpen(null)} confirm={() => void run("/canary/stop", why, end(() => "The canary has ended; everybody gets what was live."))}>
          <p>
            All conversations go back to release {canary.against}. {count(trial.conversations, "conversation")} {trial.conversations === 1 ? "was" : "were"} answered by the canary.
          </p>
          {field}
        </Confirm>
      )}
    </section>
  );
}
