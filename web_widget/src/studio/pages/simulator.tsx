/** Past conversations held again under other values, before anything is saved; then the values, live at once. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Lines } from "../charts/lines";
import { stageWords, useJob } from "../jobs";
import type { Studio } from "../page";
import type { Job } from "../protocol";
import type { JobAnswer } from "../protocol_teach";
import { href } from "../router";
import { type Simulation, simulationSays, tallyRows } from "../simulation";
import { Button } from "../ui/button";
import { Chips } from "../ui/field";
import { Badge, Notice, Progress } from "../ui/parts";
import { type Column, Table } from "../ui/table";
import { count } from "../words";
import { UseNow } from "./use_now";

const DAYS = ["7", "30"] as const;
type Days = (typeof DAYS)[number];
const LEANS = { better: "good", worse: "bad", same: "plain" } as const;
const SHOWN = 10;

interface Values {
  risk: number;
  frustration: number;
}

/** `values` are those chosen above; `live` those that the bot answers by. */
export function Simulator({ session, values, live, used }: { session: Studio; values: Values; live: Values; used: () => void }): VNode {
  const [days, setDays] = useState<Days>("7");
  const [watched, setWatched] = useState<string | null>(null);
  const [found, setFound] = useState<Simulation | null>(null);
  const [asking, setAsking] = useState(false);
  const changed = { ...(values.risk === live.risk ? {} : { risk: values.risk }), ...(values.frustration === live.frustration ? {} : { frustration: values.frustration }) };
  const same = Object.keys(changed).length === 0;
  const ended = async (last: Job): Promise<void> => {
    setWatched(null);
    session.refresh();
    if (last.state !== "done") {
      if (last.state === "failed") session.tell(last.error?.message ?? "It failed, and nobody knows why.", true);
      return;
    }
    const answer = await session.api.get<{ simulation: Simulation }>(`/simulations/${encodeURIComponent(last.id)}`);
    if (answer.ok) setFound(answer.data.simulation);
    else session.refused(answer.error);
  };
  const job = useJob(session.api, watched, (last) => void ended(last));
  const begin = async (): Promise<void> => {
    setFound(null);
    const answer = await session.api.post<JobAnswer>("/simulations", { ...changed, days: Number(days) });
    if (!answer.ok) session.refused(answer.error);
    else setWatched(answer.data.job.id);
  };
  return (
    <section aria-labelledby="simulator-title" class="simulator">
      <h2 id="simulator-title">Before you decide</h2>
      <p class="section-lead">Past conversations are held again, as it is and with the values above. Nothing is saved by it, and customers notice nothing.</p>
      <div class="review-bar">
        <Chips label="Conversations of" value={days} options={DAYS.map((value) => ({ value, label: `The last ${value} days` }))} choose={setDays} />
        <Button busy={watched !== null} disabled={same} onClick={() => void begin()}>
          {watched === null ? "Try on past conversations" : "Trying…"}
        </Button>
        <Button disabled={same || watched !== null} onClick={() => setAsking(true)}>
          Use these values now…
        </Button>
      </div>
      <div role="status">
        {same && <p class="field-told">Move one of the sliders first.</p>}
        {watched !== null && (
          <>
            <p>{job === null ? "Starting" : stageWords(job)}</p>
            <Progress label="Holding conversations again" done={job?.done ?? 0} total={job?.total ?? 0} />
          </>
        )}
      </div>
      {found !== null && <Found found={found} />}
      {asking && <UseNow session={session} changed={changed} close={() => setAsking(false)} used={used} />}
    </section>
  );
}

function Found({ found }: { found: Simulation }): VNode {
  const rows = tallyRows(found.before, found.after);
  const columns: Column<(typeof rows)[number]>[] = [
    { name: "What became of it", cell: (row) => row.label },
    { name: "As it is", numeric: true, cell: (row) => row.before },
    { name: "With these values", numeric: true, cell: (row) => row.after },
    { name: "Change", numeric: true, cell: (row) => (row.change === "" ? "–" : <Badge tone={LEANS[row.lean]}>{row.change}</Badge>) },
  ];
  if (found.turns === 0)
    return (
      <Notice>
        <p>Nobody asked the bot anything in these days.</p>
      </Notice>
    );
  const perDay = (side: "before" | "after"): { x: number; y: number }[] => found.days_seen.map((day, i) => ({ x: i + 1, y: day[side].handed_over ?? 0 }));
  return (
    <div class="simulated">
      <Notice title={simulationSays(found)}>
        <p>
          {count(found.turns, "question")} in {count(found.conversations, "conversation")}. What a customer said after a person would have come is not counted.
        </p>
      </Notice>
      <Table caption="What past conversations come to, as it is and with these values" columns={columns} rows={rows} id={(row) => row.name} />
      {found.days_seen.length > 1 && (
        <Lines
          title="Handed to people, day by day"
          says={simulationSays(found)}
          x={{ label: "Day", format: (v) => found.days_seen[Math.round(v) - 1]?.day.slice(5) ?? "", least: [1, found.days_seen.length] }}
          y={{ label: "Conversations", format: (v) => String(v), least: [0, 1] }}
          series={[
            { name: "With these values", ink: "a", spots: perDay("after") },
            { name: "As it is", ink: "b", spots: perDay("before") },
          ]}
          numbers={{ head: ["Day", "As it is", "With these values"], rows: found.days_seen.map((day) => [day.day, String(day.before.handed_over ?? 0), String(day.after.handed_over ?? 0)]) }}
        />
      )}
      {found.changes.length > 0 && (
        <p>
          Come out otherwise:{" "}
          {[...new Set(found.changes.map((change) => change.conversation_id))].slice(0, SHOWN).map((id, i) => (
            <>
              {i > 0 && ", "}
              <a href={href("try", null, { replay: id })}>conversation {i + 1}</a>
            </>
          ))}
        </p>
      )}
    </div>
  );
}
