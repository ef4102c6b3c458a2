/** The console's page: who is there, then their desk. */
import { render } from "preact";
import { Entrance } from "../shared/entrance";
import { Board } from "./board";
import { loadSettings } from "./settings";

document.documentElement.dataset.theme = loadSettings().theme;
const root = document.getElementById("app");
if (root !== null)
  render(
    <Entrance title="Baton console" lead="Log in to answer customers." unreachable="The console is not reachable">
      {(session, leave, expired) => <Board session={session} leave={leave} expired={expired} />}
    </Entrance>,
    root,
  );
