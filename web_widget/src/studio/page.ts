/** What every page is given. */
import type { VNode } from "preact";
import type { Agent, WireError } from "../shared/protocol";
import type { Api } from "./api";
import type { Summary } from "./protocol";
import type { Route } from "./router";

/** The person, their server, and the shell's services. */
export interface Studio {
  agent: Agent;
  api: Api;
  /** null until it has come. */
  summary: Summary | null;
  /** Asks for the summary anew: after anything that changes what the shell tells. */
  refresh: () => void;
  /** An outcome, for eyes and ears; bad ones stay until they are put away. */
  tell: (text: string, bad?: boolean) => void;
  /** What a refusal means, told. */
  refused: (error: WireError) => void;
}

export interface PageProps {
  session: Studio;
  /** To `href(…)`. `leave`: what is unsaved is given up knowingly. */
  go: (hash: string, options?: { leave?: boolean; replace?: boolean }) => void;
  route: Route;
}

export type Page = (props: PageProps) => VNode | null;
