/** Why a person was called: every score beside its threshold, in words and drawn. */
import type { VNode } from "preact";
import type { HandoffData, InboxItem } from "../shared/protocol";
import { codeWords, confidenceWords, frustrationWords, percent, REASON_SHORT, why } from "./words";

const WIDTH = 240;

/** A share with its threshold as a mark across. The words beside it say the same. */
function Bar({ value, threshold, kind }: { value: number; threshold?: number; kind: "good" | "warn" }): VNode {
  const x = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
  return (
    <svg class="bar" viewBox={`0 0 ${WIDTH} 14`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="bar-room" x="0" y="4" width={WIDTH} height="6" rx="3" />
      <rect class={`bar-${kind}`} x="0" y="4" width={Math.max(2, x(value))} height="6" rx="3" />
      {threshold !== undefined && <rect class="bar-mark" x={Math.min(WIDTH - 2, x(threshold))} y="0" width="2" height="14" />}
    </svg>
  );
}

function Score({ label, value, threshold, kind, text }: {
  label: string;
  value: number;
  threshold: number;
  kind: "good" | "warn";
  text: string;
}): VNode {
  return (
    <div class="score">
      <p class="score-top">
        <span>{label}</span>
        <span class="num">
          {percent(value)} <small>{kind === "good" ? "needs" : "limit"} {percent(threshold)}</small>
        </span>
      </p>
      <Bar value={value} threshold={threshold} kind={kind} />
      <p class="score-words">{text}</p>
    </div>
  );
}

function Details({ handoff, point }: { handoff: HandoffData; point: (seq: number) => void }): VNode {
  const evidence = handoff.evidence ?? {};
  const confidence = confidenceWords(evidence);
  const frustration = frustrationWords(evidence);
  const signals = (evidence.signals ?? []).toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  const most = Math.max(...signals.map((s) => Math.abs(s.weight)), 0.0001);
  const passages = evidence.passages ?? [];
  const slots = Object.entries(evidence.slots ?? {}).filter(([, value]) => value !== null && value !== "");
  const summary = handoff.summary ?? [];
  return (
    <>
      {summary.length > 0 && (
        <section>
          <h3>In short</h3>
          <ol class="summary">
            {summary.map((sentence) => (
              <li key={sentence.text}>
                <span dir="auto">{sentence.text}</span>{" "}
                {sentence.seqs.map((seq) => (
                  <button key={seq} type="button" class="seq" onClick={() => point(seq)}>
                    <span class="sr">Show message </span>
                    {seq}
                  </button>
                ))}
              </li>
            ))}
          </ol>
        </section>
      )}
      <section>
        <h3>Why</h3>
        <p class="why">
          <span class={`chip ${handoff.reason}`}>{REASON_SHORT[handoff.reason]}</span> {why(handoff.reason)}{" "}
          {evidence.trigger_seq != null && (
            <button type="button" class="seq" onClick={() => point(evidence.trigger_seq ?? 0)}>
              <span class="sr">Show the message that tripped it </span>
              {evidence.trigger_seq}
            </button>
          )}
        </p>
        {confidence !== null && (
          <Score label="Confidence" value={evidence.confidence ?? 0} threshold={evidence.threshold ?? 0} kind="good" text={confidence} />
        )}
        {frustration !== null && (
          <Score label="Frustration" value={evidence.frustration ?? 0} threshold={evidence.frustration_threshold ?? 0} kind="warn" text={frustration} />
        )}
        {signals.length > 0 && (
          <table class="signals">
            <caption class="sr">Signals of frustration</caption>
            <tbody>
              {signals.map((signal) => (
                <tr key={signal.name}>
                  <th scope="row">{codeWords(signal.name)}</th>
                  <td class="cell-bar">
                    <Bar value={Math.abs(signal.weight) / most} kind={signal.weight < 0 ? "good" : "warn"} />
                  </td>
                  <td class="num">
                    {signal.weight < 0 ? "−" : "+"}
                    {Math.abs(signal.weight).toFixed(2)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {passages.length > 0 && (
        <section>
          <h3>Articles tried</h3>
          <table class="passages">
            <caption class="sr">Articles that were considered, best first</caption>
            <tbody>
              {passages.map((passage) => (
                <tr key={passage.article_id}>
                  <th scope="row" dir="auto">
                    {passage.title}
                    <small>{passage.article_id}</small>
                  </th>
                  <td class="num">{passage.score.toFixed(2)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {(evidence.intent != null || slots.length > 0) && (
        <section>
          <h3>Understood</h3>
          <dl class="facts">
            {evidence.intent != null && (
              <>
                <dt>Intent</dt>
                <dd>{codeWords(evidence.intent)}</dd>
              </>
            )}
            {slots.map(([name, value]) => (
              <>
                <dt key={name}>{codeWords(name)}</dt>
                <dd dir="auto">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
              </>
            ))}
          </dl>
        </section>
      )}
    </>
  );
}

export function Evidence({ handoff, item, conversation, point }: {
  handoff: HandoffData | null;
  item: InboxItem | null;
  conversation: string;
  point: (seq: number) => void;
}): VNode {
  const customer = item?.customer;
  return (
    <aside class="side" aria-label="About this chat" tabIndex={0}>
      {handoff === null ? <p class="empty">No handoff yet.</p> : <Details handoff={handoff} point={point} />}
      <section>
        <h3>Customer</h3>
        <dl class="facts">
          <dt>Name</dt>
          <dd dir="auto">{customer?.name ?? "not given"}</dd>
          {customer?.email != null && (
            <>
              <dt>Email</dt>
              <dd>
                <a href={`mailto:${customer.email}`}>{customer.email}</a>
              </dd>
            </>
          )}
          {customer?.id != null && (
            <>
              <dt>Customer id</dt>
              <dd>
                {customer.id} {customer.verified === true ? <span class="chip ok">Verified</span> : <span class="chip">Not verified</span>}
              </dd>
            </>
          )}
          <dt>Conversation</dt>
          <dd class="mono">{conversation}</dd>
        </dl>
      </section>
    </aside>
  );
}
