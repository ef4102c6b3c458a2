/** What led to one answer: the decision, every score beside what it has to reach, the articles that were tried. */
import type { VNode } from "preact";
import { Meter } from "../charts/meter";
import { codeWords, confidenceSays, decisionWords, frustrationSays, languageSays, topSignals } from "../deciding";
import { share } from "../figures";
import type { Tried } from "../protocol_teach";
import { href } from "../router";
import { Badge, type Tone } from "../ui/parts";
import type { Of } from "./try_chat";

const KIND_TONE: Record<string, Tone> = { good: "good", warn: "warn", bad: "bad", plain: "plain" };

export function Why({ tried, of }: { tried: Tried; of: Of }): VNode {
  const { decision, release_id } = tried.outcome;
  const told = decisionWords(decision);
  const signals = topSignals(decision);
  const language = languageSays(tried.explanation?.language);
  const matches = tried.explanation?.matches ?? [];
  return (
    <div class="why" role="status">
      <p class="why-title">
        <Badge tone={KIND_TONE[told.tone] ?? "plain"}>{codeWords(decision.kind)}</Badge> <strong dir="auto">{told.title}</strong>
      </p>
      {tried.explanation?.rule !== undefined && <p class="why-rule">{tried.explanation.rule}</p>}
      <div class="why-score">
        <h3>
          Confidence <span class="num">{share(decision.confidence, 0)}</span>
        </h3>
        <Meter value={decision.confidence} threshold={decision.threshold} tone={decision.confidence >= decision.threshold ? "good" : "warn"} />
        <p>{confidenceSays(decision)}</p>
      </div>
      <div class="why-score">
        <h3>
          Frustration <span class="num">{share(decision.frustration, 0)}</span>
        </h3>
        <Meter value={decision.frustration} threshold={decision.frustration_threshold} tone={decision.frustration >= decision.frustration_threshold ? "bad" : "plain"} />
        <p>{frustrationSays(decision)}</p>
        {signals.length > 0 && (
          <ul class="why-signals" aria-label="What counted most">
            {signals.map((signal) => (
              <li key={signal.name}>
                {codeWords(signal.name)} <span class="num">{`${signal.weight < 0 ? "−" : "+"}${Math.abs(signal.weight).toFixed(2)}`}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
      {decision.passages.length > 0 && (
        <div class="why-score">
          <h3>Articles tried</h3>
          <ol class="why-articles">
            {decision.passages.map((passage) => (
              <li key={passage.article_id}>
                <a href={href("articles", passage.article_id)} dir="auto">
                  {passage.title}
                </a>
                <span class="num">{share(passage.score, 0)}</span>
                <Meter value={passage.score} tone="plain" />
              </li>
            ))}
          </ol>
        </div>
      )}
      {matches.length > 0 && (
        <details class="why-more">
          <summary>The nearest words in the articles</summary>
          <ul>
            {matches.slice(0, 6).map((match, i) => (
              <li key={i}>
                <span dir="auto">“{match.text}”</span>{" "}
                <small>
                  {MATCHED[match.kind] ?? match.kind} of {match.article_id}, {share(match.similarity, 0)} alike
                </small>
              </li>
            ))}
          </ul>
        </details>
      )}
      <dl class="facts">
        {language !== null && (
          <>
            <dt>Language</dt>
            <dd>{language}</dd>
          </>
        )}
        {decision.intent !== null && (
          <>
            <dt>Intent</dt>
            <dd>{codeWords(decision.intent)}</dd>
          </>
        )}
        <dt>Answered by</dt>
        <dd>
          Release {release_id}
          {of.release === null && (of.draft ? ", with unpublished changes" : ", as live")}
        </dd>
      </dl>
    </div>
  );
}

const MATCHED: Record<string, string | undefined> = { title: "title", question: "variant", passage: "answer" };
