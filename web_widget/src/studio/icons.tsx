import type { VNode } from "preact";
import type { PageName } from "./router";

const PATHS: Record<Exclude<PageName, "releases"> | "more", string> = {
  overview: "M3.5 9.500 10 4l6.500 5.500M5.500 8v8h9V8M8.500 16v-4h3v4",
  review: "M3.500 11.500h3.500l1 2h4l1-2h3.500M3.500 11.500v4.500h13v-4.500L14.500 4h-9Z",
  articles: "M5.500 3h6l3.500 3.500V17h-9.500ZM8 9.500h4.500M8 12.500h4.500",
  intents: "M3.500 4.500h9v6.500h-5l-2.500 2.500v-2.500h-1.500ZM15 8.500h1.500v6.500h-1.500v2.500L12.500 15H9",
  changes: "M4 6.500h11M12 3.500l3 3-3 3M16 13.500H5M8 10.500l-3 3 3 3",
  try: "M3.500 4.500h13v9h-7l-3.500 3v-3h-2.500ZM7 8h6M7 10.500h3.500",
  incidents: "M10 3.500 17.500 16.500h-15ZM10 8.500v3.500M10 14.200h.01",
  training: "M3.500 15.500h13M5.500 15.500v-4M10 15.500V7.500M14.500 15.500V4",
  import: "M10 3.500v8M6.500 8.500l3.500 3.500 3.500-3.500M3.500 13.500v3h13v-3",
  settings: "M3.500 6h6.500M14 6h2.500M3.500 14h2.500M10 14h6.500M12 4v4M8 12v4",
  activity: "M10 3.500a6.500 6.500 0 1 1-6 4M3.500 3.500v4h4M10 6.500v4l2.500 1.500",
  more: "M4.500 10h.01M10 10h.01M15.500 10h.01",
};

export function NavIcon({ page }: { page: keyof typeof PATHS | PageName }): VNode {
  const d = PATHS[page === "releases" ? "training" : page];
  return (
    <svg viewBox="0 0 20 20" width={20} height={20} aria-hidden="true" class="icon">
      <path d={d} fill="none" stroke="currentColor" stroke-width={page === "more" ? 2.6 : 1.6} stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
