import type { JSX } from "preact";
import { useApp, useStore } from "./context";
import { DeviceDialog } from "./devicedialog";
import { HelpDialog } from "./help";
import { InviteDialog } from "./invite";
import { ModerationDialog, ModeratorDialog } from "./moderation";
import { OwnDialog } from "./ownpicture";
import { VolumeDialog } from "./volume";

/** The dialog that is open, if one is. */
export function Dialogs(): JSX.Element | null {
  const app = useApp();
  const dialog = useStore(app.ui, (s) => s.dialog);
  const subject = useStore(app.ui, (s) => s.subject);
  const close = () => app.ui.set({ dialog: "" });
  switch (dialog) {
    case "help":
      return <HelpDialog onClose={close} />;
    case "devices":
      return <DeviceDialog onClose={close} />;
    case "link":
      return <InviteDialog onClose={close} />;
    case "own":
      return <OwnDialog onClose={close} />;
    case "volume":
      return <VolumeDialog participantId={subject} onClose={close} />;
    case "moderation":
      return <ModerationDialog participantId={subject} onClose={close} />;
    case "moderator":
      return <ModeratorDialog onClose={close} />;
    case "":
      return null;
  }
}
