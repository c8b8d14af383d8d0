import type { JSX } from "preact";
import { useApp, useStore } from "./context";
import { Dialog } from "./controls";
import { DeviceDialog } from "./devicedialog";
import { HelpDialog } from "./help";
import { ModerationDialog, ModeratorDialog } from "./moderation";

/** The dialog that is open, if one is. */
export function Dialogs(): JSX.Element | null {
  const app = useApp();
  const dialog = useStore(app.ui, (s) => s.dialog);
  const link = useStore(app.ui, (s) => s.link);
  const linkWords = useStore(app.ui, (s) => s.linkWords);
  const subject = useStore(app.ui, (s) => s.subject);
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
            <input class="input" readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
          </label>
          <p class="hint">{linkWords}</p>
        </Dialog>
      );
    case "moderation":
      return <ModerationDialog participantId={subject} onClose={close} />;
    case "moderator":
      return <ModeratorDialog onClose={close} />;
    case "":
      return null;
  }
}
