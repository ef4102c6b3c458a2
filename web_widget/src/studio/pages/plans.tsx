/** What waits for its time, or for somebody's yes. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { stamp } from "../figures";
import type { Studio } from "../page";
import type { Plan } from "../protocol_teach";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLoad } from "../ui/load";
import { Badge } from "../ui/parts";

const WAITING: readonly Plan["state"][] = ["asked", "due", "running"];

export function planSubject(plan: Plan): string {
  if (plan.action === "publish_release") return `Publish the release ${plan.subject}`;
  if (plan.action === "publish_articles") return `Publish ${plan.subject}`;
  return plan.subject;
}

/** Nothing where nothing waits. */
export function Plans({ session, changed }: { session: Studio; changed: () => void }): VNode | null {
  const plans = useLoad<{ plans: Plan[] }>(session.api, "/plans");
  const [refusing, setRefusing] = useState<Plan | null>(null);
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const waiting = (plans.data?.plans ?? []).filter((plan) => WAITING.includes(plan.state));
  const decide = async (plan: Plan, what: "approve" | "refuse"): Promise<void> => {
    setBusy(true);
    const words = why.trim();
    const answer = await session.api.post(`/plans/${encodeURIComponent(plan.id)}/${what}`, what === "refuse" && words !== "" ? { why: words } : {});
    setBusy(false);
    setRefusing(null);
    setWhy("");
    plans.again();
    if (!answer.ok) {
      session.refused(answer.error);
      return;
    }
    session.tell(what === "approve" ? "Agreed. It goes live at its time." : "It will not be published.");
    changed();
  };
  if (waiting.length === 0) return null;
  return (
    <section class="job-card" aria-labelledby="plans-title">
      <h2 id="plans-title">To be published</h2>
      <ul class="plans">
        {waiting.map((plan) => (
          <li key={plan.id}>
            <div>
              <p>
                <strong dir="auto">{planSubject(plan)}</strong> <Badge tone={plan.state === "asked" ? "warn" : "plain"}>{plan.state === "asked" ? "Needs a yes" : "Planned"}</Badge>
              </p>
              <small>
                Asked for by <span dir="auto">{plan.by}</span>, {stamp(plan.at)}
                {Date.parse(plan.due_at) > Date.parse(plan.at) + 1000 && `, for ${stamp(plan.due_at)}`}
                {plan.why !== null && <span dir="auto">: {plan.why}</span>}
              </small>
            </div>
            <div class="row-actions">
              {plan.can_approve === true && (
                <Button small kind="primary" busy={busy} onClick={() => void decide(plan, "approve")}>
                  Agree<span class="sr"> to: {planSubject(plan)}</span>
                </Button>
              )}
              {plan.can_refuse === true && (
                <Button small onClick={() => setRefusing(plan)}>
                  {plan.can_approve === true ? "Refuse" : "Take back"}
                  <span class="sr">: {planSubject(plan)}</span>
                </Button>
              )}
            </div>
          </li>
        ))}
      </ul>
      {refusing !== null && (
        <Confirm title="Not publish it?" button="Do not publish" busy={busy} close={() => setRefusing(null)} confirm={() => void decide(refusing, "refuse")}>
          <p dir="auto">{planSubject(refusing)}</p>
          <Field label="Why" hint="For whoever asked for it. Optional.">
            {(ids) => <input {...ids} dir="auto" maxLength={500} value={why} onInput={(event) => setWhy(event.currentTarget.value)} />}
          </Field>
        </Confirm>
      )}
    </section>
  );
}
