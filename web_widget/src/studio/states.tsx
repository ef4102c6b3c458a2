/** How an article stands, in words and colour. */
import type { VNode } from "preact";
import { validity } from "./dates";
import type { ArticleRow } from "./protocol";
import { Badge } from "./ui/parts";

const LIVE = {
  live: { tone: "good", words: "Live" },
  changed: { tone: "warn", words: "Changed, not live" },
  new: { tone: "warn", words: "New, not live" },
} as const;

export function StateBadges({ row }: { row: Pick<ArticleRow, "live" | "status" | "valid_from" | "valid_until"> }): VNode {
  const live = LIVE[row.live];
  const time = validity(row.valid_from, row.valid_until, Date.now());
  return (
    <span class="badges">
      <Badge tone={live.tone}>{live.words}</Badge>
      {row.status === "draft" && <Badge>Draft</Badge>}
      {time === "over" && <Badge tone="bad">Expired</Badge>}
      {time === "later" && <Badge>Not valid yet</Badge>}
    </span>
  );
}
