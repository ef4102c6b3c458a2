/** The studio's page: who is there, then what they may do. */
import { render, type VNode } from "preact";
import { Entrance } from "../shared/entrance";
import type { Session } from "../shared/session";
import { loadTheme, showTheme } from "../shared/theme";
import { LEAD, Shell, TITLE } from "./shell";

/** The roles that hold the right to edit content. */
const EDITORS: readonly string[] = ["editor", "admin"];

function NotAnEditor({ session, leave }: { session: Session; leave: () => void }): VNode {
  return (
    <main class="door">
      <div class="door-card">
        <h1>The studio is for editors</h1>
        <p class="lead">You are logged in as {session.agent.name}, who may not edit content. Whoever manages people can give you the editor role.</p>
        <button type="button" class="primary wide" onClick={leave}>
          Log in as somebody else
        </button>
        <p class="lead">
          <a href="/console">Go to the console</a>
        </p>
      </div>
    </main>
  );
}

showTheme(loadTheme());
const root = document.getElementById("app");
if (root !== null)
  render(
    <Entrance title={TITLE} lead={LEAD} unreachable="The studio is not reachable">
      {(session, leave) =>
        EDITORS.includes(session.agent.role) ? (
          <Shell session={session} leave={leave} />
        ) : (
          <NotAnEditor session={session} leave={leave} />
        )
      }
    </Entrance>,
    root,
  );
