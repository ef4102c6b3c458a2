/** Training, and what came of it: releases, the canary, what was trained before, the exam. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { PlanList } from "../changes/plans";
import type { PageProps } from "../page";
import type { Release } from "../protocol_teach";
import { href } from "../router";
import { useLoad } from "../ui/load";
import { PageHead } from "../ui/parts";
import { Tabs } from "../ui/tabs";
import { CanaryCard } from "./canary_card";
import { Exam } from "./exam";
import { Releases } from "./releases";
import { Train } from "./train";
import { TrainingHistory } from "./training_history";

const TABS = ["releases", "history", "exam"] as const;
type Tab = (typeof TABS)[number];

export function Training({ session, go, route }: PageProps): VNode {
  const asked = route.query.get("tab");
  const tab: Tab = TABS.find((name) => name === asked) ?? "releases";
  const releases = useLoad<{ releases: Release[] }>(session.api, "/releases");
  /** Raised where something may be planned now that was not. */
  const [round, setRound] = useState(0);
  const changed = (): void => {
    setRound((n) => n + 1);
    releases.again();
    session.refresh();
  };
  return (
    <>
      <PageHead title="Training" lead="Training teaches the bot what you have written and measures it. Customers get it once you publish the release." />
      <Train session={session} done={changed} />
      <PlanList session={session} turn={round} done={releases.again} />
      {session.summary?.canary != null && <CanaryCard session={session} canary={session.summary.canary} changed={changed} />}
      <Tabs
        label="Releases, history and exam"
        value={tab}
        tabs={[
          { value: "releases", label: "Releases" },
          { value: "history", label: "Trainings" },
          { value: "exam", label: "Exam" },
        ]}
        choose={(next) => go(href("training", null, { tab: next === "releases" ? null : next }), { replace: true })}
      >
        {tab === "releases" && <Releases session={session} releases={releases} changed={changed} />}
        {tab === "history" && <TrainingHistory session={session} />}
        {tab === "exam" && <Exam session={session} />}
      </Tabs>
    </>
  );
}
