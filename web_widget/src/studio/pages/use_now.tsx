/** Other values for what is live, at once: asked for once more, with why. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { publishedWords } from "../changes/words";
import { share, stamp } from "../figures";
import type { Studio } from "../page";
import type { PublishAnswer } from "../protocol_teach";
import { Confirm } from "../ui/dialog";
import { Field } from "../ui/field";
import { type Voice, VOICES } from "../voices";

interface Changed {
  risk?: number;
  frustration?: number;
  voice?: Voice;
}

export function UseNow({ session, changed, close, used }: { session: Studio; changed: Changed; close: () => void; used: () => void }): VNode {
  const speaks = changed.voice === undefined ? null : VOICES[changed.voice];
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const use = async (): Promise<void> => {
    setBusy(true);
    const answer = await session.api.post<PublishAnswer>("/values", { ...changed, ...(why.trim() === "" ? {} : { why: why.trim() }) });
    setBusy(false);
    if (!answer.ok) {
      session.refused(answer.error);
      return;
    }
    close();
    session.tell(publishedWords(`These values are live (${stamp(new Date().toISOString())})`, answer.data, "them"));
    session.refresh();
    used();
  };
  return (
    <Confirm title={speaks === null ? "Answer by these values from now on?" : `Speak ${speaks.says} from now on?`} button={speaks === null ? "Use them" : "Speak like this"} busy={busy} close={close} confirm={() => void use()}>
      <p>
        {changed.risk !== undefined && `At most ${share(changed.risk)} of the answers may be wrong. `}
        {changed.frustration !== undefined && `A person is called from ${share(changed.frustration, 0)} upset. `}
        {speaks !== null && `Customers read words such as “${speaks.example}” `}
        No training is needed; you can roll back at any time.
      </p>
      <Field label="Why" hint="For the log of who published what. Optional.">
        {(ids) => <input {...ids} dir="auto" maxLength={500} value={why} onInput={(event) => setWhy(event.currentTarget.value)} />}
      </Field>
    </Confirm>
  );
}
