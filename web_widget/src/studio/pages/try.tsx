/** A chat with the bot as it is or as it would be, with why it says what it says; and past conversations asked again. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../page";
import { href } from "../router";
import { Chips } from "../ui/field";
import { Notice, PageHead } from "../ui/parts";
import { Tabs } from "../ui/tabs";
import { Replay } from "./try_replay";
import { TryChat } from "./try_chat";

type Tab = "chat" | "replay";
type Version = "draft" | "live";

export function Try({ session, go, route }: PageProps): VNode {
  const release = route.query.get("release");
  const replay = route.query.get("replay");
  const [version, setVersion] = useState<Version>(route.query.get("as") === "live" ? "live" : "draft");
  const tab: Tab = replay === null && route.query.get("tab") !== "replay" ? "chat" : "replay";
  const changed = session.summary?.changed ?? 0;
  const of = { draft: version === "draft" && release === null, release };
  return (
    <>
      <PageHead title="Try it" lead="Ask as a customer would and see why the bot says what it says. Nothing here reaches customers or the figures." />
      {release === null ? (
        <div class="try-bar">
          <Chips
            label="Which articles"
            value={version}
            options={[
              { value: "draft", label: "With my unpublished changes" },
              { value: "live", label: "As live" },
            ]}
            choose={setVersion}
          />
          <p class="field-told">
            {version === "live"
              ? "What customers get now."
              : changed === 0
                ? "There are no unpublished changes: it is what customers get now."
                : `What is live, and ${changed === 1 ? "the 1 article" : `the ${changed} articles`} you have not published.`}
          </p>
        </div>
      ) : (
        <Notice>
          <p>
            You are talking to the release {release}. <a href={href("try")}>Talk to what is live instead</a>
          </p>
        </Notice>
      )}
      <Tabs
        label="Ways to try"
        value={tab}
        tabs={[
          { value: "chat", label: "Chat" },
          { value: "replay", label: "Replay a past conversation" },
        ]}
        choose={(next) => go(href("try", null, { release, tab: next === "replay" ? "replay" : null }), { replace: true })}
      >
        {tab === "chat" ? (
          <TryChat session={session} of={of} first={route.query.get("text")} />
        ) : (
          <Replay
            session={session}
            of={of}
            chosen={replay}
            choose={(id) => go(href("try", null, { release, replay: id }), { replace: true })}
          />
        )}
      </Tabs>
    </>
  );
}
