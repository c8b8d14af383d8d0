import type { JSX } from "preact";
import { useApp, useStore } from "./context";
import { Icon } from "./icons";

/**
 * Sentences that come and go. Screen readers say them. They have a place of their own in
 * the page, so that they cover nothing.
 */
export function Toasts({ inCall = false }: { inCall?: boolean }): JSX.Element {
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
    <div class={`toasts ${inCall ? "" : "lobby-toasts"}`}>
      <div role="alert">{list(true)}</div>
      <div role="status">{list(false)}</div>
    </div>
  );
}
