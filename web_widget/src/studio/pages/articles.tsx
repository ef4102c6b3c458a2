import type { VNode } from "preact";
import { PageHead } from "../ui/parts";

export function Articles(): VNode {
  return <PageHead title="Articles" />;
}
