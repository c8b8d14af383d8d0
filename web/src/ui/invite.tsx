import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { QRCode } from "../servers/qr";
import { useApp, useStore } from "./context";
import { Dialog } from "./controls";
import { Icon } from "./icons";

/** The link to the room: to be copied, to be scanned, to be handed to another app. */
export function InviteDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const app = useApp();
  const room = useStore(app.ui, (s) => s.room);
  const url = useStore(app.ui, (s) => s.link);
  const words = useStore(app.ui, (s) => s.linkWords);
  const [said, setSaid] = useState("");
  const field = useRef<HTMLInputElement>(null);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(url);
      setSaid("The link is copied.");
    } catch {
      // An insecure page, or no permission.
      field.current?.select();
      setSaid("The browser does not let this page copy: the link is selected, copy it yourself.");
    }
  };
  const share = async () => {
    try {
      await navigator.share({ title: `Call in ${room}`, url });
    } catch (error) {
      // Somebody who changes their mind is nothing wrong.
      if (error instanceof Error && error.name !== "AbortError") setSaid("This browser could not share the link: copy it.");
    }
  };
  return (
    <Dialog title="Invite" onClose={onClose}>
      <div class="stack">
        <label class="field">
          <span class="field-label">Link to this room</span>
          <input class="input" ref={field} readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
        </label>
        <div class="dialog-buttons">
          {"share" in navigator && (
            <button type="button" class="button" onClick={() => void share()}>
              Share…
            </button>
          )}
          <button type="button" class="button button-main" onClick={() => void copy()}>
            <Icon name="link" /> Copy
          </button>
        </div>
        <p class={said ? "hint" : "heard"} role="status">
          {said}
        </p>
        <QRCode text={url} label="The link as a QR code" />
        <p class="hint">{words}</p>
      </div>
    </Dialog>
  );
}
