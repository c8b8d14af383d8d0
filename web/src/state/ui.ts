import type { ActiveSpeaker } from "../ui/speaker";
import type { OwnPicture } from "./settings";

/** A sentence that comes and goes. */
export interface Toast {
  id: number;
  text: string;
  /** Something went wrong. */
  alert: boolean;
  /** Reports whether it still holds: one that does not goes at once. */
  holds: () => boolean;
}

/** What the page shows beside the call itself. */
export interface Ui {
  /** The room in the address; empty in the lobby of no room. */
  room: string;
  /** There is an invitation to it. */
  invited: boolean;
  /** What the invitation calls its bearer; empty where it does not say. */
  invitedAs: string;
  layout: "grid" | "speaker";
  pinned: string;
  dismissed: ReadonlySet<string>;
  speaker: ActiveSpeaker | null;
  panel: "" | "chat" | "people";
  dialog: "" | "help" | "devices" | "link" | "moderation" | "moderator" | "volume" | "own";
  /** Id of the participant that the moderation, or the volume, is about. */
  subject: string;
  /** The link that the dialog shows, and what it is good for. */
  link: string;
  linkWords: string;
  /** Why the last password made no moderator. */
  refusal: string;
  /** Messages that came while nobody looked at the chat. */
  unread: number;
  /** How one sees oneself. */
  own: OwnPicture;
  /** How loud others are here, in percent below 100, by their ids. */
  volumes: ReadonlyMap<string, number>;
  /** Another tab of this browser is in this room, and has the sound. */
  elsewhere: boolean;
  /** The user wants to hear it here all the same. */
  hearHere: boolean;
  /** The browser wants a gesture before it plays sound. */
  soundBlocked: boolean;
  shortcuts: boolean;
  toasts: readonly Toast[];
  /** Key of the tile that fills the screen. */
  fullScreen: string;
  /** Only the cameras are shown, from edge to edge. */
  wall: boolean;
  /** Nothing is heard there. */
  wallSilent: boolean;
}
