/** What waits for a second pair of eyes, or for its time. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { momentWords } from "../dates";
import type { Studio } from "../page";
import type { Change, Changes, Plan, Plans } from "../protocol";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { useLoad } from "../ui/load";
import { Badge } from "../ui/parts";
import { count, when } from "../words";

/** Between two looks at what is being published. */
const LOOK_MS = 1_000;

/** How long a plan that failed is told of. */
const FAILED_MS = 24 * 3_600_000;

/** Its time has come: within seconds it is done or has failed. */
function isUnderWay(plan: Plan, now: number): boolean {
  return plan.state === "running" || (plan.state === "due" && Date.parse(plan.due_at) <= now);
}

function isShown(plan: Plan, now: number): boolean {
  if (plan.state === "failed") return plan.ended_at !== null && Date.parse(plan.ended_at) > now - FAILED_MS;
  return plan.state === "asked" || plan.state === "due" || plan.state === "running";
}

function StateBadge({ plan }: { plan: Plan }): VNode {
  if (plan.state === "asked") return <Badge tone="warn">Waits for a yes</Badge>;
  if (plan.state === "failed") return <Badge tone="bad">Not published</Badge>;
  if (isUnderWay(plan, Date.now())) return <Badge>Being published</Badge>;
  return <Badge>Planned for {momentWords(plan.due_at)}</Badge>;
}

function whatWords(plan: Plan, changes: readonly Change[]): string {
  if (plan.action === "publish_release") return `Publish the release ${plan.subject}`;
  const { articles } = plan.params;
  const ids = typeof articles === "object" && articles !== null ? Object.keys(articles) : [];
  return ids.length > 1 ? `Publish ${count(ids.length, "article")}` : `Publish “${changes.find(({ id }) => id === ids[0])?.title ?? ids[0] ?? plan.subject}”`;
}

function Row({ session, plan, what, again }: { session: Studio; plan: Plan; what: string; again: () => void }): VNode {
  const [busy, setBusy] = useState(false);
  const [refusing, setRefusing] = useState(false);
  const decide = async (how: "approve" | "refuse"): Promise<void> => {
    setBusy(true);
    const answer = await session.api.post<{ plan: Plan }>(`/plans/${encodeURIComponent(plan.id)}/${how}`, {});
    setBusy(false);
    setRefusing(false);
    if (answer.ok) {
      session.tell(how === "refuse" ? "It will not be done." : Date.parse(plan.due_at) > Date.now() ? "Agreed. It is done when its time has come." : "Agreed. It is being done.");
      session.refresh();
      again();
    } else {
      session.refused(answer.error);
      again();
    }
  };
  return (
    <li class="change">
      <div class="change-top">
        <div class="change-name">
          <span dir="auto">{what}</span>
          <p class="change-told">
            <StateBadge plan={plan} /> asked by{" "}
            <bdi>{plan.by}</bdi>, {when(plan.at)}
            {plan.why !== null && (
              <>
                : <bdi>{plan.why}</bdi>
              </>
            )}
          </p>
          {plan.problem !== null && <p class="change-told">{plan.problem}</p>}
        </div>
        {plan.can_approve && (
          <Button small kind="primary" busy={busy} onClick={() => void decide("approve")}>
            Agree
          </Button>
        )}
        {plan.can_refuse && (
          <Button small onClick={() => setRefusing(true)}>
            {plan.state === "asked" && plan.can_approve ? "Refuse" : "Take back"}
          </Button>
        )}
      </div>
      {refusing && (
        <Confirm title="Not do it?" button="Do not do it" danger busy={busy} confirm={() => void decide("refuse")} close={() => setRefusing(false)}>
          <p>{what}: nothing of it goes live. The articles stay as they are here.</p>
        </Confirm>
      )}
    </li>
  );
}

/** Nothing where nothing waits. `turn`: another number asks anew. */
export function PlanList({ session, turn, done }: { session: Studio; turn: number; done: () => void }): VNode | null {
  const load = useLoad<Plans>(session.api, "/plans");
  const { again } = load;
  useEffect(() => {
    if (turn > 0) again();
  }, [turn, again]);
  const plans = load.data?.plans.filter((plan) => isShown(plan, Date.now())) ?? [];
  // For the titles: what waits differs from what is live.
  const changes = useLoad<Changes>(session.api, plans.length === 0 ? null : "/changes").data?.changes ?? [];
  const underWay = plans.some((plan) => isUnderWay(plan, Date.now()));
  useEffect(() => {
    if (!underWay) return;
    const timer = setInterval(() => {
      again();
      done();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [underWay, again]);
  const wasUnderWay = useRef(false);
  useEffect(() => {
    if (wasUnderWay.current && !underWay) done();
    wasUnderWay.current = underWay;
  }, [underWay]);
  if (plans.length === 0) return null;
  return (
    <section class="plans" aria-label="Waiting to be published">
      <h2>Waiting to be published</h2>
      <ul class="changes">
        {plans.map((plan) => (
          <Row
            key={plan.id}
            session={session}
            plan={plan}
            what={whatWords(plan, changes)}
            again={() => {
              load.again();
              done();
            }}
          />
        ))}
      </ul>
    </section>
  );
}
