/** What changed in an intent, to be read. */
import type { VNode } from "preact";
import type { Intent } from "../protocol_intents";
import { ListChanges, TextDiff } from "../ui/diff";
import { doesText, FIELDS, lineWords } from "./words";

export function IntentDiff({ before, after }: { before: Intent; after: Intent }): VNode {
  const texts = [
    ["description", before.description, after.description],
    ["does", doesText(before.does), doesText(after.does)],
  ] as const;
  const [had, has] = [before.examples.map(lineWords), after.examples.map(lineWords)];
  const changed = texts.filter(([, was, is]) => was !== is);
  const others = had.join("\n") !== has.join("\n");
  if (changed.length === 0 && !others) return <p class="part-lead">They say the same.</p>;
  return (
    <dl class="diff">
      {changed.map(([field, was, is]) => (
        <div key={field}>
          <dt>{FIELDS[field]}</dt>
          <dd>
            <TextDiff before={was} after={is} />
          </dd>
        </div>
      ))}
      {others && (
        <div>
          <dt>{FIELDS.examples}</dt>
          <dd>
            <ListChanges before={had} after={has} />
          </dd>
        </div>
      )}
    </dl>
  );
}
