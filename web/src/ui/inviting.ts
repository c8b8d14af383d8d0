import { RoomAccess } from "../proto/umbrella/v1/signal_pb";
import type { App } from "../state/app";

/** What lets somebody in who opens the link to a room. */
export function linkWords({ access, locked }: { access: RoomAccess | null; locked: boolean }): string {
  const lock = locked ? " The room is locked: unlock it first." : "";
  switch (access) {
    case RoomAccess.PASSWORD:
      return `Whoever opens it is asked for the password of the room.${lock}`;
    case RoomAccess.LAN:
      return `It works on this access point's own network.${lock}`;
    default:
      return `Send it to whoever should come.${lock}`;
  }
}

/** What to say of an invitation that was made. */
export function invitationWords(endsAt: number): string {
  const until = new Date(endsAt).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return `Whoever has it can come in until ${until}.`;
}

/** What there is to let others in by; null where one has nothing that would. */
export function invitingBy({ access, moderator }: { access: RoomAccess | null; moderator: boolean }): "link" | "invitation" | null {
  if (access !== RoomAccess.INVITATION) return "link";
  return moderator ? "invitation" : null;
}

/** Copies the link to the room, and says what else lets somebody in; or asks for an invitation. */
export function copyLink(app: App, invitation: boolean, show = false): void {
  shown = show;
  const { room } = app.call.store.state;
  if (invitation || room.access === RoomAccess.INVITATION) {
    if (!app.call.invite()) app.hasToWait();
  } else void copy(app, app.roomUrl(app.ui.state.room), linkWords(room));
}

// What was asked for is to be shown, and not just copied.
let shown = false;

/** Shows what copyLink copies. */
export function showLink(app: App): void {
  copyLink(app, false, true);
}

/** Copies a link, or shows it where the browser does not let the page do that. */
export async function copy(app: App, link: string, words: string): Promise<void> {
  const show = () => app.ui.set({ dialog: "link", link, linkWords: words });
  if (shown) {
    shown = false;
    show();
    return;
  }
  try {
    await navigator.clipboard.writeText(link);
    app.say(`The link is copied. ${words}`);
  } catch {
    show();
  }
}

/** An invitation was made: copies its link. */
export function invited(app: App, token: string, endsAt: number): void {
  void copy(app, `${app.roomUrl(app.ui.state.room)}#token=${token}`, invitationWords(endsAt));
}
