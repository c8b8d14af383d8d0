import {
  ParticipantKind,
  QualityLevel,
  type RoomAccess,
  TrackKind,
  TrackSource,
  type ChatMessage,
  type Joined,
  type Participant,
  type RoomUpdate,
  type ConnectionQualities,
  type Speakers,
  type Track,
} from "../proto/umbrella/v1/signal_pb";

/** What is known of the room. Every value is new when it changes. */
export interface Room {
  selfId: string;
  name: string;
  /** May mute, remove and lock. */
  moderator: boolean;
  /** Nobody else is let in. */
  locked: boolean;
  /** May see and hear the others. */
  maySubscribe: boolean;
  /** Who can come in by the address of the room alone. */
  access: RoomAccess | null;
  /** May try the admin's password. */
  mayBecomeModerator: boolean;
  /** In the order they came in, oneself included. */
  participants: readonly Participant[];
  /** Levels 0 to 127 of those who speak. */
  speakers: ReadonlyMap<string, number>;
  qualities: ReadonlyMap<string, QualityLevel>;
  chat: readonly ChatMessage[];
  /** Ids of messages that were written before one came. */
  earlier: ReadonlySet<string>;
}

/** Something worth telling aloud. */
export type RoomEvent =
  | { kind: "came" | "went" | "shares"; participant: Participant; name: string }
  | { kind: "locked"; locked: boolean }
  /** Oneself, by a moderator. */
  | { kind: "muted"; words: string; holds: () => boolean }
  /** Oneself, or no more. */
  | { kind: "moderator"; moderator: boolean }
  /** A link with an invitation was made. */
  | { kind: "invited"; token: string; endsAt: number }
  | { kind: "chat"; message: ChatMessage };

// What a long call keeps of its chat.
const maxChat = 1000;

function ordered(participants: Iterable<Participant>): Participant[] {
  return [...participants].sort((a, b) =>
    a.joinedAtMs === b.joinedAtMs ? (a.id < b.id ? -1 : 1) : a.joinedAtMs < b.joinedAtMs ? -1 : 1,
  );
}

function keepOnly<V>(map: ReadonlyMap<string, V>, participants: readonly Participant[]): ReadonlyMap<string, V> {
  const ids = new Set(participants.map((p) => p.id));
  return [...map.keys()].every((id) => ids.has(id)) ? map : new Map([...map].filter(([id]) => ids.has(id)));
}

/**
 * Everything anew. The chat stays. What the node knows of it besides was written before
 * one came, or while one was away for long.
 */
export function joinedRoom(room: Room, joined: Joined): Room {
  const participants = ordered(joined.participants);
  const first = room.selfId === "";
  const added = missedChat(room, joined);
  const at = (m: ChatMessage) => Number(m.sentAtMs);
  return {
    selfId: joined.participantId,
    name: joined.room,
    moderator: joined.moderator,
    locked: joined.locked,
    maySubscribe: joined.maySubscribe,
    access: joined.access,
    mayBecomeModerator: joined.mayBecomeModerator,
    participants,
    speakers: new Map(),
    qualities: keepOnly(room.qualities, participants),
    chat: first ? added : added.length > 0 ? [...room.chat, ...added].sort((a, b) => at(a) - at(b)).slice(-maxChat) : room.chat,
    earlier: first ? new Set(added.map((m) => m.id)) : room.earlier,
  };
}

/** What the node knows of the chat and this browser does not. */
export function missedChat(room: Room, joined: Joined): ChatMessage[] {
  const known = new Set(room.chat.map((m) => m.id));
  return joined.earlierChat.filter((m) => !known.has(m.id)).map(byOwnClock);
}

/** The message with the time of this browser's clock: that of an access point may be wrong. */
function byOwnClock(message: ChatMessage): ChatMessage {
  if (message.ageMs > 0n) [message.sentAtMs, message.ageMs] = [BigInt(Date.now()) - message.ageMs, 0n];
  return message;
}

const screenOf = (p: Participant | undefined) => p?.tracks.find((t) => t.source === TrackSource.SCREEN);

export function updatedRoom(room: Room, update: RoomUpdate): { room: Room; events: RoomEvent[] } {
  const events: RoomEvent[] = [];
  const known = new Map(room.participants.map((p) => [p.id, p]));
  for (const id of update.leftParticipantIds) {
    const participant = known.get(id);
    if (participant) events.push({ kind: "went", participant, name: shownName(participant) });
    known.delete(id);
  }
  for (const participant of update.participants) {
    const before = known.get(participant.id);
    if (!before) events.push({ kind: "came", participant, name: shownName(participant) });
    if (!screenOf(before) && screenOf(participant)) events.push({ kind: "shares", participant, name: shownName(participant) });
    known.set(participant.id, participant);
  }
  const participants = ordered(known.values());
  const locked = update.locked ?? room.locked;
  if (locked !== room.locked) events.push({ kind: "locked", locked });
  const moderator = update.moderator ?? room.moderator;
  if (moderator !== room.moderator) events.push({ kind: "moderator", moderator });
  return {
    room: {
      ...room,
      locked,
      moderator,
      participants,
      speakers: keepOnly(room.speakers, participants),
      qualities: keepOnly(room.qualities, participants),
    },
    events: events.filter((e) => !("participant" in e) || e.participant.id !== room.selfId),
  };
}

export function withSpeakers(room: Room, speakers: Speakers): Room {
  return { ...room, speakers: new Map(speakers.speakers.map((s) => [s.participantId, s.level])) };
}

export function withQualities(room: Room, qualities: ConnectionQualities): Room {
  const all = new Map(room.qualities);
  for (const q of qualities.qualities) all.set(q.participantId, q.level);
  return { ...room, qualities: all };
}

export function withChat(room: Room, message: ChatMessage): Room {
  if (room.chat.some((m) => m.id === message.id)) return room;
  return { ...room, chat: [...room.chat, byOwnClock(message)].slice(-maxChat) };
}

export function trackOf(participant: Participant, source: TrackSource): Track | undefined {
  return participant.tracks.find((t) => t.source === source);
}

/**
 * Ids of the others' pictures that ought to move, if they come through. Where
 * the other one's connection is poor it may be that they do not set out.
 */
export function moving(room: Room): string[] {
  return room.participants
    .filter((p) => p.id !== room.selfId && (room.qualities.get(p.id) ?? 0) < QualityLevel.POOR)
    .flatMap((p) => p.tracks.filter((t) => t.kind === TrackKind.VIDEO && !t.muted).map((t) => t.id));
}

/** Is it silent: no microphone, or one that is muted? */
export function isMuted(participant: Participant): boolean {
  return participant.tracks.every((t) => t.kind !== TrackKind.AUDIO || t.source === TrackSource.SCREEN_AUDIO || t.muted);
}

/** The name to show. A viewer may have given none. */
export function shownName(participant: Participant): string {
  if (participant.name) return participant.name;
  return participant.kind === ParticipantKind.CAMERA ? "Camera" : "Someone";
}
