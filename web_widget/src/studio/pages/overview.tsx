import type { VNode } from "preact";
import { PageHead } from "../ui/parts";

export function Overview(): VNode {
  return <PageHead title="Overview" />;
}
