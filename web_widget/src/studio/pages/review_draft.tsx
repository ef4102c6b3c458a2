/** A new article from what an agent answered: read it, make it an answer for everybody, keep it as a draft. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Api } from "../api";
import type { ArticleList, Group } from "../protocol";
import type { ArticleDraft, ReviewQuestion } from "../protocol_teach";
import { agentAnswers, distinct, draftFrom } from "../review_words";
import { BotBubble, ChatRoom } from "../ui/bubble";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Chips, Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { Notice } from "../ui/parts";

export function DraftDialog({ api, group, questions, busy, close, save }: {
  api: Api;
  group: Group;
  questions: readonly ReviewQuestion[];
  busy: boolean;
  close: () => void;
  save: (article: ArticleDraft) => Promise<boolean>;
}): VNode {
  const known = useLoad<ArticleList>(api, "/articles", { limit: 1 });
  const locales = known.data?.locales ?? [];
  const [draft, setDraft] = useState<ArticleDraft>(() => draftFrom(group, questions));
  const [asked, setAsked] = useState(() => draft.questions.join("\n"));
  const [locale, setLocale] = useState("");
  const [missing, setMissing] = useState(false);
  const answers = agentAnswers(questions);
  const change = (part: Partial<ArticleDraft>): void => setDraft({ ...draft, ...part });
  const at = answers.indexOf(draft.answer);
  const submit = async (): Promise<void> => {
    const variants = distinct(asked.split("\n"));
    if (draft.title.trim() === "" || draft.answer.trim() === "") {
      setMissing(true);
      return;
    }
    const saved = await save({ ...draft, ...(locale === "" ? {} : { locale }), title: draft.title.trim(), answer: draft.answer.trim(), questions: variants });
    if (saved) close();
  };
  return (
    <Dialog title="New article" kind="wide" close={close}>
      <form
        class="draft"
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void submit();
        }}
      >
        <Notice>
          <p>
            {answers.length === 0
              ? "Write what every customer with such a question should get. Saved as a draft, customers see nothing of it yet."
              : "An agent wrote this to one customer. Read it, take out what is only theirs, and save it as a draft: customers see nothing of it yet."}
          </p>
        </Notice>
        <div class="draft-parts">
          <div>
            <Field label="Title" error={missing && draft.title.trim() === "" ? "An article needs a title." : null}>
              {(ids) => <input {...ids} dir="auto" maxLength={200} value={draft.title} onInput={(event) => change({ title: event.currentTarget.value })} />}
            </Field>
            {answers.length > 1 && (
              <Chips
                label="Agents’ answers to begin with"
                value={String(at)}
                options={answers.slice(0, 6).map((_, i) => ({ value: String(i), label: `Answer ${i + 1}` }))}
                choose={(value) => change({ answer: answers[Number(value)] ?? draft.answer })}
              />
            )}
            <Field label="Answer" hint="Markdown works: **bold**, lists, links." error={missing && draft.answer.trim() === "" ? "An article needs an answer." : null}>
              {(ids) => <textarea {...ids} dir="auto" rows={9} value={draft.answer} onInput={(event) => change({ answer: event.currentTarget.value })} />}
            </Field>
          </div>
          <div>
            <Field label="Questions" hint="One a line, as customers ask it. Words in [brackets] hide personal data: replace them or take the line out.">
              {(ids) => <textarea {...ids} dir="auto" rows={6} value={asked} onInput={(event) => setAsked(event.currentTarget.value)} />}
            </Field>
            {locales.length > 1 && (
              <Field label="Language">
                {(ids) => (
                  <select {...ids} value={locale} onChange={(event) => setLocale(event.currentTarget.value)}>
                    <option value="">That of the questions</option>
                    {locales.map((name) => (
                      <option key={name} value={name}>
                        {name}
                      </option>
                    ))}
                  </select>
                )}
              </Field>
            )}
            <p class="preview-name">As customers will see it</p>
            <ChatRoom label="Preview of the answer">
              <BotBubble text={draft.answer.trim() === "" ? "…" : draft.answer} source={draft.title.trim() === "" ? null : draft.title} />
            </ChatRoom>
          </div>
        </div>
        <div class="buttons">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Save as draft
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
