import { roomNameProblem } from "../call/names";
import type { Problems } from "./api";
import type { RoomRule } from "./model";

/** What the form holds: everything as it is typed. */
export interface InvitationDraft {
  room: string;
  name: string;
  subscribe: boolean;
  publish: boolean;
  moderate: boolean;
  hours: number;
  once: boolean;
}

/** What the node answers. */
export interface Invitation {
  url: string;
  /** RFC 3339. */
  expires: string;
}

export const durations: [hours: number, words: string][] = [
  [1, "1 hour"],
  [24, "1 day"],
  [7 * 24, "1 week"],
  [30 * 24, "30 days"],
];

/** For the room that needs one most. */
export function newInvitation(rooms: readonly RoomRule[]): InvitationDraft {
  const room = rooms.find((r) => r.access === "token") ?? rooms[0];
  return { room: room?.name ?? "", name: "", subscribe: true, publish: true, moderate: false, hours: 24, once: false };
}

/** What is to be asked of the node. */
export function invitationBody(draft: InvitationDraft): object {
  const { subscribe, publish, moderate, hours, once } = draft;
  const rights = Object.entries({ publish, subscribe, moderate }).flatMap(([right, has]) => (has ? [right] : []));
  return { room: draft.room.trim(), name: draft.name.trim(), rights, hours, once };
}

/** What can be told before the node is asked. */
export function invitationProblems(draft: InvitationDraft): Problems {
  const problems: Problems = {};
  const room = roomNameProblem(draft.room.trim());
  if (room) problems.room = room;
  if (Array.from(draft.name.trim()).length > 64) problems.name = "A name has at most 64 characters.";
  if (!draft.subscribe && !draft.publish) problems.rights = "Choose one of the first two at least.";
  return problems;
}

/** What an invitation is good for in a room. */
export function accessWords(room: string, rooms: readonly RoomRule[]): string {
  switch (rooms.find((r) => r.name === room.trim())?.access) {
    case "token":
      return "It is entered with an invitation only.";
    case "password":
      return "It has a password, which is not needed with an invitation.";
    case "lan":
      return "It is entered from the local network only, with an invitation as well.";
    case "open":
      return "It is open: everybody can enter it without an invitation, too.";
    default:
      return "Letters, digits, “-”, “_” and “.”.";
  }
}

/** An invitation that the node remembers. Times are as in RFC 3339. */
export interface KnownInvitation {
  id: string;
  room: string;
  name: string;
  rights: string[];
  once: boolean;
  by: string;
  made: string;
  ends: string;
  used: string | null;
  revoked: string | null;
}

/** What its bearer may do, in words. */
export function rightsWords(rights: readonly string[]): string {
  const words: Record<string, string> = {
    publish: "be seen and heard",
    subscribe: "see and hear",
    moderate: "moderate",
    admin: "change the settings",
    trunk: "join as a node",
  };
  return rights.map((r) => words[r] ?? r).join(", ");
}

/** How an invitation is. */
export function invitationState({ once, used, revoked }: KnownInvitation): string {
  if (revoked) return "Revoked";
  if (once) return used ? "Used by its guest" : "Not used yet";
  return "Holds";
}
