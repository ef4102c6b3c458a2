import type { VNode } from "preact";
import { PageHead } from "../ui/parts";

export function ChangesPage(): VNode {
  return <PageHead title="Changes" />;
}
