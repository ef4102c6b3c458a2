/** Incident notices: what is down goes before every answer that it concerns, until it works again. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { publishedWords } from "../changes/words";
import { momentWords } from "../dates";
import { ArticleName, IncidentForm } from "../incidents/form";
import type { PageProps, Studio } from "../page";
import type { Incident, IncidentAnswer, Incidents } from "../protocol";
import { href } from "../router";
import { BotBubble, ChatRoom } from "../ui/bubble";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { Badge, EmptyState, LoadFailed, PageHead, Spinner } from "../ui/parts";
import { count } from "../words";

const LISTED = 5;

function End({ session, incident, open, done, close }: { session: Studio; incident: Incident; open: number; done: () => void; close: () => void }): VNode {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const end = async (): Promise<void> => {
    setBusy(true);
    const answer = await session.api.post<IncidentAnswer>(`/incidents/${encodeURIComponent(incident.id)}/end`, text.trim() === "" ? {} : { text: text.trim() });
    setBusy(false);
    if (answer.ok) {
      session.tell(publishedWords("The notice has ended", answer.data, "the usual answers"));
      done();
    } else session.refused(answer.error);
  };
  return (
    <Confirm title="Does it work again?" button="End the notice" busy={busy} confirm={() => void end()} close={close}>
      <p>Customers get the usual answers from their next question on.</p>
      <Field label="Good news (optional)" hint={`Said to the ${count(open, "conversation")} that ${open === 1 ? "is" : "are"} open now; empty, nothing is said.`}>
        {(ids) => <textarea {...ids} rows={3} dir="auto" maxLength={2000} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
      </Field>
    </Confirm>
  );
}

function Notice({ session, incident, change, end }: { session: Studio; incident: Incident; change: () => void; end: () => void }): VNode {
  const { article_ids: ids, phrases } = incident;
  const overdue = incident.next_news !== null && Date.parse(incident.next_news) < Date.now();
  return (
    <li class="incident">
      <ChatRoom label="The notice">
        <BotBubble text={incident.text} />
      </ChatRoom>
      <div class="incident-told">
        <p>
          Down since <time dateTime={incident.since}>{momentWords(incident.since)}</time>.
        </p>
        {incident.next_news !== null && (
          <p>
            {overdue && <Badge tone="bad">News is due</Badge>} Next news: <time dateTime={incident.next_news}>{momentWords(incident.next_news)}</time>.
          </p>
        )}
        {phrases.length > 0 && (
          <>
            <h2>Told to who asks</h2>
            <ul>
              {phrases.slice(0, LISTED).map((phrase) => (
                <li key={phrase} dir="auto">
                  {phrase}
                </li>
              ))}
              {phrases.length > LISTED && <li>and {count(phrases.length - LISTED, "more question")}</li>}
            </ul>
          </>
        )}
        {ids.length > 0 && (
          <>
            <h2>Told before the answers of</h2>
            <ul>
              {ids.slice(0, LISTED).map((id) => (
                <li key={id}>
                  <a href={href("articles", id)}>
                    <ArticleName session={session} id={id} />
                  </a>
                </li>
              ))}
              {ids.length > LISTED && <li>and {count(ids.length - LISTED, "more article")}</li>}
            </ul>
          </>
        )}
        <p class="card-buttons">
          <Button kind="primary" onClick={end}>
            It works again
          </Button>
          <Button onClick={change}>Change</Button>
        </p>
      </div>
    </li>
  );
}

export function IncidentsPage({ session }: PageProps): VNode {
  const load = useLoad<Incidents>(session.api, "/incidents");
  /** What is written: a new notice, or a change of one. */
  const [writing, setWriting] = useState<Incident | "new" | null>(null);
  const [ending, setEnding] = useState<Incident | null>(null);
  const { data, error } = load;
  const nothingLive = session.summary?.live === null;
  const done = (): void => {
    setWriting(null);
    setEnding(null);
    load.again();
  };
  return (
    <>
      <PageHead title="Incidents" lead="Something is down? Say so here: who asks about it is told first, at once, until it works again.">
        {writing === null && !nothingLive && (
          <Button kind="primary" onClick={() => setWriting("new")}>
            Report an incident
          </Button>
        )}
      </PageHead>
      {error !== null && <LoadFailed error={error} again={load.again} />}
      {data === null && error === null && <Spinner />}
      {nothingLive && (
        <p class="part-lead">
          Nothing is live yet, so nobody could be told. <a href={href("training")}>Train the assistant first.</a>
        </p>
      )}
      {writing !== null && (
        <IncidentForm
          key={writing === "new" ? "new" : writing.id}
          session={session}
          incident={writing === "new" ? null : writing}
          open={data?.open_conversations ?? 0}
          done={done}
          close={() => setWriting(null)}
        />
      )}
      {data !== null && data.incidents.length === 0 && writing === null && (
        <EmptyState title="Nothing is down">
          <p>Customers get the usual answers.</p>
        </EmptyState>
      )}
      {data !== null && data.incidents.length > 0 && (
        <ul class="incidents" aria-label="Open notices">
          {data.incidents.map((incident) => (
            <Notice key={incident.id} session={session} incident={incident} change={() => setWriting(incident)} end={() => setEnding(incident)} />
          ))}
        </ul>
      )}
      {ending !== null && <End session={session} incident={ending} open={data?.open_conversations ?? 0} done={done} close={() => setEnding(null)} />}
    </>
  );
}
