import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CallView } from "./callview";
import { useApp, useStore } from "./context";
import { Dialog } from "./controls";
import { DeviceDialog } from "./devices";
import { Icon, Mark } from "./icons";
import { Lobby, TrustLink } from "./lobby";
import { HelpDialog } from "./shortcuts";
import { endingWords } from "./words";

/** The whole page. */
export function Root(): JSX.Element {
  const app = useApp();
  const phase = useStore(app.call.store, (s) => s.phase);
  const wasIn = useStore(app.call.store, (s) => s.room.selfId !== "");
  const view =
    phase === "joined" || phase === "reconnecting" ? (
      <CallView />
    ) : phase === "left" || (phase === "failed" && wasIn) ? (
      <Ended />
    ) : (
      <Lobby />
    );
  return (
    <>
      {view}
      <Dialogs />
      <Toasts />
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

function Dialogs(): JSX.Element | null {
  const app = useApp();
  const dialog = useStore(app.ui, (s) => s.dialog);
  const room = useStore(app.ui, (s) => s.room);
  const close = () => app.ui.set({ dialog: "" });
  switch (dialog) {
    case "help":
      return <HelpDialog onClose={close} />;
    case "devices":
      return <DeviceDialog onClose={close} />;
    case "link":
      return (
        <Dialog title="Invite" onClose={close}>
          <label class="field">
            <span class="field-label">Link to this room</span>
            <input class="input" readOnly value={app.roomUrl(room)} onFocus={(event) => event.currentTarget.select()} />
          </label>
        </Dialog>
      );
    case "":
      return null;
  }
}

/** Sentences that come and go. Screen readers say them. */
function Toasts(): JSX.Element {
  const app = useApp();
  const toasts = useStore(app.ui, (s) => s.toasts);
  const list = (alert: boolean) =>
    toasts
      .filter((t) => t.alert === alert)
      .map((t) => (
        <div class={`toast ${alert ? "toast-alert" : ""}`} key={t.id}>
          {alert && <Icon name="warning" />}
          <p>{t.text}</p>
          {alert && (
            <button type="button" class="link" onClick={() => app.dismiss(t.id)}>
              Dismiss
            </button>
          )}
        </div>
      ));
  return (
    <div class="toasts">
      <div role="alert">{list(true)}</div>
      <div role="status">{list(false)}</div>
    </div>
  );
}
