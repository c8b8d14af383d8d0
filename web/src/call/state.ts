import type { ClientBody } from "./messages";
import type { Room } from "./room";
import type { Ending } from "./session";
import type { Streams } from "./subscriber";

export type Phase = "lobby" | "joining" | "joined" | "reconnecting" | "left" | "failed";

export interface Talk {
  to: string;
  /** What is said is played there. */
  live: boolean;
}

export interface CallState {
  phase: Phase;
  /** Set in "left" and "failed". */
  ending: Ending | null;
  /** In "reconnecting": when the next attempt is made, in milliseconds since
   * 1970; null while one is under way. */
  retryAt: number | null;
  /** Media cannot get through although the node answers. */
  mediaBlocked: boolean;
  /** Just watching. */
  viewOnly: boolean;
  room: Room;
  /** What plays, by the id of the track. */
  streams: Streams;
  /** Ids of tracks that this browser turned down: it plays their codec, but not
   * in this profile. */
  refused: ReadonlySet<string>;
  /** Why the node has no place for a track, by its id. */
  leftOut: ReadonlyMap<string, string>;
  /** Ids of tracks whose pictures ought to move, and do not. */
  stalled: ReadonlySet<string>;
  /** MIME types that this browser can play. */
  codecs: readonly string[];
  /** The camera that is talked to, if one is. */
  talk: Talk | null;
}

/** What a moderator does. */
export type ModerationAction = NonNullable<Extract<ClientBody, { case: "moderate" }>["value"]["action"]>;

export const emptyRoom: Room = {
  selfId: "",
  name: "",
  moderator: false,
  locked: false,
  maySubscribe: true,
  access: null,
  mayBecomeModerator: false,
  participants: [],
  speakers: new Map(),
  qualities: new Map(),
  chat: [],
  earlier: new Set(),
};

/** Before the first call of a page. */
export const noCall: CallState = {
  phase: "lobby",
  ending: null,
  retryAt: null,
  mediaBlocked: false,
  viewOnly: false,
  room: emptyRoom,
  streams: new Map(),
  refused: new Set(),
  leftOut: new Map(),
  stalled: new Set(),
  codecs: [],
  talk: null,
};
