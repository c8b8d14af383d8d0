import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useApp, useStore } from "./context";
import { Mark } from "./icons";
import { later } from "./later";
import { Lobby, TrustLink } from "./lobby";
import { Toasts } from "./toasts";
import { endingWords } from "./words";

const CallView = later(() => import("./callview").then((m) => m.CallView), { wholePage: true });

/** The whole page. */
export function Root(): JSX.Element {
  const app = useApp();
  const phase = useStore(app.call.store, (s) => s.phase);
  const wasIn = useStore(app.call.store, (s) => s.room.selfId !== "");
  const inCall = phase === "joined" || phase === "reconnecting";
  const view = inCall ? (
      <CallView />
    ) : phase === "left" || (phase === "failed" && wasIn) ? (
      <Ended />
    ) : (
      <Lobby />
    );
  // Whoever is in the lobby will want it.
  useEffect(() => {
    void CallView.load();
  }, []);
  return (
    <>
      {!inCall && <Toasts />}
      {view}
    </>
  );
}

/** After the call. */
function Ended(): JSX.Element | null {
  const app = useApp();
  const ending = useStore(app.call.store, (s) => s.ending);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  if (!ending) return null;
  const words = endingWords(ending, window.isSecureContext);
  const failed = ending.reason !== "left";
  return (
    <main class="ended">
      <div class="card ended-card" role={failed ? "alert" : undefined}>
        <Mark />
        <h1 tabIndex={-1} ref={heading}>
          {words.title}
        </h1>
        <p>{words.text}</p>
        {words.trust && <TrustLink />}
        {words.invited && (
          <p>
            <button type="button" class="link" onClick={() => app.forgetInvitation()}>
              Try without the invitation
            </button>
          </p>
        )}
        <div class="ended-buttons">
          <button type="button" class="button button-main" onClick={() => app.rejoin()}>
            {ending.reason === "replaced" ? "Use it here" : "Rejoin"}
          </button>
          <button type="button" class="button" onClick={() => app.toLobby()}>
            Back to the lobby
          </button>
        </div>
      </div>
    </main>
  );
}
