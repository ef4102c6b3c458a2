/** The console's page: who is there, then their desk. */
import { render, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { logOut, type Session, whoAmI } from "./api";
import { Board } from "./board";
import { Login, NewPassword } from "./login";
import { loadSettings } from "./settings";

type Stage = { at: "loading" } | { at: "login"; expired?: boolean } | { at: "trouble"; message: string } | { at: "in"; session: Session; password: string | null };

function App(): VNode | null {
  const [stage, setStage] = useState<Stage>({ at: "loading" });
  const ask = async (): Promise<void> => {
    const answer = await whoAmI();
    if (answer.ok) setStage({ at: "in", session: answer.data, password: null });
    else if (answer.status === 401) setStage({ at: "login" });
    else setStage({ at: "trouble", message: answer.error.message });
  };
  useEffect(() => void ask(), []);

  switch (stage.at) {
    case "loading":
      return null;
    case "trouble":
      return (
        <main class="door">
          <div class="door-card">
            <h1>The console is not reachable</h1>
            <p class="lead" role="alert">
              {stage.message}
            </p>
            <button type="button" class="primary wide" onClick={() => void ask()}>
              Try again
            </button>
          </div>
        </main>
      );
    case "login":
      return <Login expired={stage.expired === true} done={(session, password) => setStage({ at: "in", session, password })} />;
    case "in": {
      const { session, password } = stage;
      if (session.must_change_password)
        return (
          <NewPassword
            session={session}
            known={password}
            done={() => setStage({ at: "in", session: { ...session, must_change_password: false }, password: null })}
          />
        );
      return (
        <Board
          session={session}
          leave={() => {
            void logOut(session.csrf).then(() => setStage({ at: "login" }));
          }}
          expired={() => setStage({ at: "login", expired: true })}
        />
      );
    }
  }
}

document.documentElement.dataset.theme = loadSettings().theme;
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
