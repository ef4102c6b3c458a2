import type { VNode } from "preact";
import { PageHead } from "../ui/parts";

export function ArticleEditor(): VNode {
  return <PageHead title="Article" />;
}
