/** What the bot may risk, and what people's time costs. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Lines } from "../charts/lines";
import { thinned } from "../charts/scale";
import { money, share } from "../figures";
import { currencies } from "../money";
import { useUnsaved } from "../guard";
import type { PageProps } from "../page";
import { numberIn, ofHundred, pointAt, promiseWords, RISK } from "../promise";
import type { StudioSettings } from "../protocol";
import type { RiskPoint } from "../protocol_teach";
import { type Voice, voiceOf } from "../voices";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { LoadFailed, PageHead, Spinner } from "../ui/parts";
import { Simulator } from "./simulator";
import { UseNow } from "./use_now";
import { VoiceChoice } from "./voice_choice";

interface Answer {
  settings: StudioSettings;
  /** As the live release found it; null where it did not. */
  curve: RiskPoint[] | null;
  /** What that serves with; null where it is not known. */
  live: { risk: number | null; frustration: number | null };
  /** How customers are addressed now. */
  voice: Voice;
}

interface Form {
  risk: number;
  unanswerable: number;
  frustration: number;
  minuteCost: string;
  handoffMinutes: string;
  /** null: the server knows no such setting. */
  approval: boolean | null;
  voice: Voice;
  currency: string;
}

/** `mine` with what is new in `now`, but for the fields that somebody has changed since `last`. */
function merged(mine: Form, last: Form, now: Form): Form {
  const pick = <K extends keyof Form>(name: K): Form[K] => (mine[name] === last[name] ? now[name] : mine[name]);
  return {
    risk: pick("risk"),
    unanswerable: pick("unanswerable"),
    frustration: pick("frustration"),
    minuteCost: pick("minuteCost"),
    handoffMinutes: pick("handoffMinutes"),
    approval: pick("approval"),
    voice: pick("voice"),
    currency: pick("currency"),
  };
}

function numeric(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}

function formOf(values: StudioSettings, spoken: Voice): Form {
  return {
    risk: numeric(values.risk, 0.02),
    unanswerable: numeric(values.unanswerable_share, 0.2),
    frustration: numeric(values.frustration, 0.7),
    minuteCost: String(numeric(values.minute_cost, 0)),
    handoffMinutes: String(numeric(values.handoff_minutes, 0)),
    approval: typeof values.approval === "boolean" ? values.approval : null,
    voice: voiceOf(values.voice) ?? spoken,
    currency: typeof values.currency === "string" ? values.currency : "EUR",
  };
}

export function Settings({ session }: PageProps): VNode {
  const loaded = useLoad<Answer>(session.api, "/settings");
  return (
    <>
      <PageHead title="Settings" lead="How sure the bot must be before it answers, how it speaks, and what your team’s time is worth." />
      {loaded.data === null ? (
        loaded.error === null ? (
          <Spinner />
        ) : (
          <LoadFailed error={loaded.error} again={loaded.again} />
        )
      ) : (
        <Editing session={session} answer={loaded.data} saved={loaded.put} reload={loaded.again} />
      )}
    </>
  );
}

function Editing({ session, answer, saved, reload }: {
  session: PageProps["session"];
  answer: Answer;
  saved: (answer: Answer) => void;
  reload: () => void;
}): VNode {
  const { settings: values, curve, live } = answer;
  const before = formOf(values, answer.voice);
  const [form, setForm] = useState<Form>(before);
  const [busy, setBusy] = useState(false);
  const [speaking, setSpeaking] = useState(false);
  const key = JSON.stringify(before);
  const known = useRef(before);
  useEffect(() => {
    // What went live elsewhere is taken over; what somebody is changing here stays as it is.
    const last = known.current;
    known.current = before;
    setForm((mine) => merged(mine, last, before));
  }, [key]);
  const dirty = JSON.stringify(form) !== key;
  useUnsaved(dirty ? "The settings have changes that are not saved." : null);
  const change = (part: Partial<Form>): void => setForm({ ...form, ...part });
  const minuteCost = numberIn(form.minuteCost, 0, 1000);
  const handoffMinutes = numberIn(form.handoffMinutes, 0.1, 240);
  const right = minuteCost !== null && handoffMinutes !== null;

  const save = async (): Promise<void> => {
    if (!right) return;
    setBusy(true);
    const body: StudioSettings = { risk: form.risk, unanswerable_share: form.unanswerable, frustration: form.frustration, minute_cost: minuteCost, handoff_minutes: handoffMinutes, currency: form.currency };
    if (form.approval !== null) body.approval = form.approval;
    if (form.voice !== before.voice) body.voice = form.voice;
    const done = await session.api.put<{ settings: StudioSettings }>("/settings", body);
    setBusy(false);
    if (!done.ok) {
      session.refused(done.error);
      return;
    }
    saved({ ...answer, settings: done.data.settings });
    const trained = ["risk", "unanswerable", "frustration", "voice"] as const;
    session.tell(trained.every((name) => form[name] === before[name]) ? "Saved." : "Saved. The next training goes by it.");
    session.refresh();
  };

  return (
    <form
      class="settings"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void save();
      }}
    >
      <section aria-labelledby="risk-title">
        <h2 id="risk-title">Wrong answers</h2>
        <p class="section-lead">Saved, the next training goes by these. A release keeps what it serves with, so that going back brings that back too.</p>
        <div class="settings-risk">
          <div>
            <Slider
              label="At most this share of answers may be wrong"
              value={form.risk}
              least={RISK.least}
              most={Math.max(RISK.most, before.risk)}
              step={RISK.step}
              told={share(form.risk)}
              change={(risk) => change({ risk })}
            />
            <p class="promise" role="status">
              {promiseWords(curve, form.risk, before.risk)}
            </p>
            <Slider
              label="Share of questions that no article can answer"
              value={form.unanswerable}
              least={0}
              most={0.6}
              step={0.05}
              told={share(form.unanswerable, 0)}
              hint="Of all that customers write. The more there are, the surer the bot has to be to keep the promise."
              change={(unanswerable) => change({ unanswerable })}
            />
          </div>
          {curve !== null && curve.length > 1 && <Curve curve={curve} risk={form.risk} />}
        </div>
      </section>
      <section aria-labelledby="upset-title">
        <h2 id="upset-title">Upset customers</h2>
        <div class="settings-risk">
          <Slider
            label="How upset a customer must be before a person is called"
            value={form.frustration}
            least={0.3}
            most={0.95}
            step={0.05}
            told={share(form.frustration, 0)}
            hint="Less: people are called sooner, and more often. The bot reads words, tone and what came before."
            change={(frustration) => change({ frustration })}
          />
        </div>
      </section>
      <Simulator session={session} values={form} live={{ risk: live.risk ?? before.risk, frustration: live.frustration ?? before.frustration }} used={reload} />
      <VoiceChoice chosen={form.voice} spoken={answer.voice} change={(voice) => change({ voice })} use={() => setSpeaking(true)} />
      <section aria-labelledby="cost-title">
        <h2 id="cost-title">Your team’s time</h2>
        <p class="section-lead">Review shows with these what each gap costs.</p>
        <div class="settings-cost">
          <Field
            label="Cost of an agent’s minute"
            hint="0: no costs are shown."
            error={minuteCost === null ? "A number from 0 to 1,000, such as 0.60." : null}
          >
            {(ids) => <input {...ids} inputMode="decimal" value={form.minuteCost} onInput={(event) => change({ minuteCost: event.currentTarget.value })} />}
          </Field>
          <Field label="Currency" hint="Costs are shown in it; nothing is converted.">
            {(ids) => (
              <select {...ids} value={form.currency} onChange={(event) => change({ currency: event.currentTarget.value })}>
                {currencies(form.currency).map(({ code, name }) => (
                  <option key={code} value={code}>
                    {code} · {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Minutes for one handoff" hint="From the agent’s first word to the end." error={handoffMinutes === null ? "A number from 0.1 to 240." : null}>
            {(ids) => <input {...ids} inputMode="decimal" value={form.handoffMinutes} onInput={(event) => change({ handoffMinutes: event.currentTarget.value })} />}
          </Field>
        </div>
        {right && minuteCost > 0 && handoffMinutes > 0 && <p>One question that goes to a person costs {money(minuteCost * handoffMinutes, form.currency)}.</p>}
      </section>
      {form.approval !== null && (
        <section aria-labelledby="approval-title">
          <h2 id="approval-title">Two pairs of eyes</h2>
          <label class="option">
            <input type="checkbox" checked={form.approval} onChange={(event) => change({ approval: event.currentTarget.checked })} />
            <span>
              What goes live needs the yes of somebody else
              <small>Whoever publishes asks; anybody else who may publish agrees. Going back needs nobody’s yes.</small>
            </span>
          </label>
        </section>
      )}
      <div class="settings-end">
        <Button type="submit" kind="primary" busy={busy} disabled={!dirty || !right}>
          Save
        </Button>
        <Button disabled={!dirty} onClick={() => setForm(before)}>
          Undo changes
        </Button>
      </div>
      {speaking && <UseNow session={session} changed={{ voice: form.voice }} close={() => setSpeaking(false)} used={reload} />}
    </form>
  );
}

function Slider({ label, value, least, most, step, told, hint, change }: {
  label: string;
  value: number;
  least: number;
  most: number;
  step: number;
  told: string;
  hint?: string;
  change: (value: number) => void;
}): VNode {
  return (
    <Field label={label} {...(hint === undefined ? {} : { hint })}>
      {(ids) => (
        <div class="slider">
          <input
            {...ids}
            type="range"
            min={least}
            max={most}
            step={step}
            value={value}
            aria-valuetext={told}
            onInput={(event) => change(Math.round(Number(event.currentTarget.value) * 1000) / 1000)}
          />
          <output for={ids.id}>{told}</output>
        </div>
      )}
    </Field>
  );
}

function Curve({ curve, risk }: { curve: readonly RiskPoint[]; risk: number }): VNode {
  // What the slider cannot reach would only press the rest together.
  const sorted = curve.filter((p) => p.risk <= Math.max(RISK.most, risk)).toSorted((a, b) => a.risk - b.risk);
  const point = pointAt(sorted, risk);
  return (
    <Lines
      title="What a promise brings"
      says={`The more wrong answers are allowed, the more questions the bot answers. ${point === null ? "" : `At ${share(risk)} it answers ${ofHundred(point.coverage)}.`}`}
      x={{ label: "Wrong answers allowed", format: (v) => share(v), least: [0, 0.02] }}
      y={{ label: "Questions answered", format: (v) => share(v, 0), least: [0, 1] }}
      series={[{ name: "Answered", ink: "a", spots: sorted.map((p) => ({ x: p.risk, y: p.coverage })) }]}
      note="As the training of the live release found it. What is measured on few questions is rough."
      marks={point === null ? [] : [{ x: risk, y: point.coverage, name: `${share(point.coverage, 0)} answered` }]}
      numbers={{
        head: ["Wrong allowed", "Answered", "Needed confidence"],
        rows: thinned(sorted, 20).map((p) => [share(p.risk), share(p.coverage), share(p.threshold)]),
      }}
    />
  );
}
