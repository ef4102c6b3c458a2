import type { VNode } from "preact";
import { PageHead } from "../ui/parts";

export function Activity(): VNode {
  return <PageHead title="Activity" />;
}
