import type { VNode } from "preact";
import { PageHead } from "../ui/parts";

export function Import(): VNode {
  return <PageHead title="Import and export" />;
}
