/** What shall become of the chosen questions of a group. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Api } from "../api";
import { share } from "../figures";
import type { Group } from "../protocol";
import type { ReviewQuestion, Settle } from "../protocol_teach";
import { agentAnswers, distinct } from "../review_words";
import { Button } from "../ui/button";
import { count } from "../words";
import { ArticleSearch } from "./article_search";
import { DraftDialog } from "./review_draft";
import { IntentDialog } from "./review_intent";

interface Props {
  api: Api;
  group: Group;
  /** Those that are to be taught. */
  questions: readonly ReviewQuestion[];
  /** None is left out: then the server takes the clearest ones, without personal data. */
  all: boolean;
  busy: boolean;
  settle: (what: Settle) => Promise<boolean>;
}

export function Decide({ api, group, questions, all, busy, settle }: Props): VNode {
  const [open, setOpen] = useState<"search" | "draft" | "intent" | null>(null);
  const texts = all ? {} : { texts: distinct(questions.map((question) => question.text)) };
  const none = questions.length === 0;
  const close = (): void => setOpen(null);
  const answered = agentAnswers(questions).length > 0;
  const suggested = group.suggested;
  return (
    <section class="decide" aria-labelledby="decide-title">
      <h2 id="decide-title">What shall become of them?</h2>
      <p class="decide-lead">
        This deals with {group.size === 1 ? "the question" : `all ${count(group.size, "question")}`}. {all ? "The clearest are taught" : none ? "None is taught" : `The ${count(questions.length, "selected one")} ${questions.length === 1 ? "is" : "are"} taught`}; leave out what does not belong.
      </p>
      {suggested !== null && (
        <div class="decide-part">
          <Button kind="primary" class="wide wrap" disabled={none} busy={busy} onClick={() => void settle({ how: "variants", article_id: suggested.article_id, ...texts })}>
            Add to “{suggested.title}”
          </Button>
          <p>They become variants of this article, the closest one{suggested.score === null ? "" : ` (${share(suggested.score, 0)} alike)`}. Customers find it by them once it is published.</p>
        </div>
      )}
      <div class="decide-part">
        <Button class="wide" disabled={none} busy={busy} onClick={() => setOpen("search")}>
          Add to {suggested === null ? "an" : "another"} article…
        </Button>
        <Button class="wide wrap" busy={busy} onClick={() => setOpen("draft")}>
          {answered ? "New article from the agent’s answer…" : "New article…"}
        </Button>
        <p>{answered ? "Opens what an agent answered as a draft for you to read." : "No agent answered these: you write the answer."}</p>
      </div>
      <div class="decide-part decide-rest">
        <Button busy={busy} onClick={() => void settle({ how: "out_of_scope" })}>
          Out of scope
        </Button>
        <Button disabled={none} busy={busy} onClick={() => setOpen("intent")}>
          Give to an intent…
        </Button>
        <Button busy={busy} onClick={() => void settle({ how: "dismiss" })}>
          Dismiss
        </Button>
        <p>Out of scope: the bot should not answer these, and the like will not come here again. Dismiss: they only leave the inbox.</p>
      </div>
      {open === "search" && (
        <ArticleSearch
          api={api}
          title="Add to which article?"
          first={group.examples[0] ?? ""}
          close={close}
          choose={(article) => {
            close();
            void settle({ how: "variants", article_id: article.id, ...texts });
          }}
        />
      )}
      {open === "draft" && (
        <DraftDialog api={api} group={group} questions={questions} busy={busy} close={close} save={(article) => settle({ how: "article", article })} />
      )}
      {open === "intent" && (
        <IntentDialog
          api={api}
          busy={busy}
          close={close}
          choose={(intent) => {
            close();
            void settle({ how: "intent", intent, ...texts });
          }}
        />
      )}
    </section>
  );
}
