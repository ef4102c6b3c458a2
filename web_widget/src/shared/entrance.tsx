/** Who is there, before a page shows anything: asks the server, then the person. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Login, NewPassword } from "./login";
import { logOut, type Session, whoAmI } from "./session";

type Stage = { at: "loading" } | { at: "login"; expired?: boolean } | { at: "trouble"; message: string } | { at: "in"; session: Session; password: string | null };

interface Props {
  /** `Baton console`. */
  title: string;
  /** What logging in is good for. */
  lead: string;
  unreachable: string;
  children: (session: Session, leave: () => void, expired: () => void) => ComponentChildren;
}

export function Entrance({ title, lead, unreachable, children }: Props): VNode | null {
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
            <h1>{unreachable}</h1>
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
      return (
        <Login
          title={title}
          lead={lead}
          expired={stage.expired === true}
          done={(session, password) => setStage({ at: "in", session, password })}
        />
      );
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
        <>
          {children(
            session,
            () => void logOut(session.csrf).then(() => setStage({ at: "login" })),
            () => setStage({ at: "login", expired: true }),
          )}
        </>
      );
    }
  }
}
