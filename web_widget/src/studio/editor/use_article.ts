/** The article under the editor's hands: what the server has, what was written since, and how the two come together. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Draft, dropDraft, loadDraft, saveDraft } from "../drafts";
import { changedFields, cleaned, EMPTY, fieldNames, type Field, type Written, written } from "../fields";
import { tooMuch } from "../limits";
import { type Choice, resolve } from "../merge";
import type { Article, EditConflict } from "../protocol";
import { NEW_ARTICLE } from "../router";
import type { Studio } from "../page";

const KEEP_AFTER_MS = 400;

export interface Wrong {
  field: string;
  message: string;
}

export interface Editing {
  /** As the server has it; null: it has none yet. */
  base: Article | null;
  form: Written;
  dirty: boolean;
  saving: boolean;
  wrong: Wrong | null;
  conflict: EditConflict | null;
  /** Words from before a reload, until they are taken up or thrown away. */
  offered: Draft | null;
  /** Somebody deleted it meanwhile. */
  gone: boolean;
  change: (part: Partial<Written>) => void;
  /** Resolves with what was saved, or null. */
  save: () => Promise<Article | null>;
  settle: (choices: Partial<Record<Field, Choice>>) => Promise<void>;
  backToWriting: () => void;
  /** The server's text again. */
  revert: () => void;
  /** Another text of the server's, for instance a restored version. */
  adopt: (article: Article) => void;
  takeUp: () => Promise<void>;
  throwAway: () => void;
  saveAnew: () => Promise<Article | null>;
}

function isConflict(data: unknown): data is EditConflict {
  return typeof data === "object" && data !== null && "conflicts" in data && Array.isArray(data.conflicts) && "theirs" in data;
}

export function useArticle(session: Studio, start: Article | null): Editing {
  const { api, agent } = session;
  const [base, setBase] = useState(start);
  const [form, setForm] = useState<Written>(() => (start === null ? EMPTY : written(start)));
  const [saving, setSaving] = useState(false);
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const [conflict, setConflict] = useState<EditConflict | null>(null);
  const [gone, setGone] = useState(false);
  const id = base?.id ?? NEW_ARTICLE;
  const [offered, setOffered] = useState<Draft | null>(() => {
    const draft = loadDraft(agent.id, start?.id ?? NEW_ARTICLE);
    return draft !== null && changedFields(start ?? EMPTY, cleaned(draft.article)).length > 0 ? draft : null;
  });
  const latest = useRef(form);
  latest.current = form;
  const dirty = useMemo(() => changedFields(cleaned(base ?? EMPTY), cleaned(form)).length > 0, [base, form]);

  const warned = useRef(false);
  useEffect(() => {
    if (!dirty) {
      if (offered === null) dropDraft(agent.id, id);
      return;
    }
    const timer = setTimeout(() => {
      const kept = saveDraft(agent.id, id, { article: latest.current, version: base?.version ?? 0, at: new Date().toISOString() });
      if (!kept && !warned.current) {
        warned.current = true;
        session.tell("This browser cannot keep unsaved words of this size: save before you leave.", true);
      }
    }, KEEP_AFTER_MS);
    return () => clearTimeout(timer);
  }, [form, dirty, base, offered, id]);

  const put = useCallback((article: Article, sent: Written): void => {
    setBase(article);
    // What was typed while it was being saved stays.
    setForm((now) => (changedFields(sent, cleaned(now)).length === 0 ? written(article) : resolve(sent, now, written(article), {})));
    setOffered(null);
    setWrong(null);
  }, []);

  const send = async (sent: Written, on: Article | null, anew = false): Promise<Article | null> => {
    const missing: Wrong | null =
      sent.title === "" ? { field: "title", message: "The article needs a title." } : sent.answer === "" ? { field: "answer", message: "The article needs an answer." } : null;
    const refused = missing ?? tooMuch(sent)[0] ?? null;
    setWrong(refused);
    if (refused !== null) return null;
    setSaving(true);
    const answer =
      on === null || anew
        ? await api.post<{ article: Article; merged?: string[] }>("/articles", { article: { ...(on === null ? {} : { id: on.id }), ...sent } })
        : await api.put<{ article: Article; merged?: string[] }>(`/articles/${encodeURIComponent(on.id)}`, { base_version: on.version, article: { id: on.id, ...sent } });
    setSaving(false);
    if (answer.ok) {
      const { article, merged = [] } = answer.data;
      setConflict(null);
      setGone(false);
      dropDraft(agent.id, id);
      put(article, sent);
      session.refresh();
      session.tell(
        merged.length === 0
          ? "Saved. Customers get it when you publish it."
          : `Saved. Somebody else changed it meanwhile (${fieldNames(merged)}): their changes and yours are both in.`,
      );
      return article;
    }
    const { code, data, message } = answer.error;
    if (code === "edit_conflict" && isConflict(data)) setConflict(data);
    else if (answer.status === 404 && on !== null) setGone(true);
    else if (answer.status >= 400 && answer.status < 500 && typeof data?.field === "string") setWrong({ field: data.field, message });
    else session.refused(answer.error);
    return null;
  };

  return {
    base, form, dirty, saving, wrong, conflict, offered, gone,
    change: (part) => {
      // At once: who presses Ctrl+S while a field still hands over its words saves these too.
      latest.current = { ...latest.current, ...part };
      setForm(latest.current);
      if (wrong !== null && wrong.field in part) setWrong(null);
    },
    save: () => send(cleaned(latest.current), base),
    saveAnew: () => send(cleaned(latest.current), base, true),
    settle: async (choices) => {
      if (conflict === null || base === null) return;
      const agreed = resolve(cleaned(base), cleaned(latest.current), conflict.theirs, choices);
      const theirs: Article = { ...base, ...conflict.theirs, version: conflict.version, updated_at: conflict.at, updated_by: conflict.by };
      setBase(theirs);
      setForm(agreed);
      await send(agreed, theirs);
    },
    backToWriting: () => setConflict(null),
    revert: () => {
      setForm(base === null ? EMPTY : written(base));
      setWrong(null);
    },
    adopt: (article) => {
      setBase(article);
      setForm(written(article));
      setWrong(null);
    },
    takeUp: async () => {
      if (offered === null) return;
      if (base !== null && offered.version !== base.version) {
        // Changes are made to what was there when they were written; the server puts the two together.
        const old = await api.get<{ article: Article }>(`/articles/${encodeURIComponent(base.id)}/history/${offered.version}`);
        if (old.ok) setBase({ ...old.data.article, version: offered.version });
      }
      setForm(offered.article);
      setOffered(null);
    },
    throwAway: () => {
      setOffered(null);
      if (!dirty) dropDraft(agent.id, id);
    },
  };
}
