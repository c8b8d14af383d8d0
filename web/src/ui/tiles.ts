import { canPlay, codecName } from "../call/codecs";
import { sentence } from "./sentence";
import { isMuted, shownName, trackOf, type Room } from "../call/room";
import { QualityLevel, TrackKind, TrackSource, type Participant, type ParticipantKind, type Track } from "../proto/umbrella/v1/signal_pb";

/** What one tile shows. */
export interface Tile {
  key: string;
  participantId: string;
  name: string;
  /** The other node that it comes from; empty for this one. */
  node: string;
  source: "camera" | "screen";
  own: boolean;
  /** The others' video track, if they have one; empty for the own tile. */
  trackId: string;
  /** There is a picture to be shown, now or in a moment. */
  picture: boolean;
  /** Why there is none, in words. */
  problem: string;
  muted: boolean;
  /** 0 to 127; 0 is silence. */
  level: number;
  quality: QualityLevel;
  kind: ParticipantKind;
  /** It can be talked to. */
  takesSound: boolean;
}

export interface OwnMedia {
  camera: boolean;
  screen: boolean;
  muted: boolean;
}

/** What this browser can play. */
export interface Playable {
  /** MIME types. */
  codecs: readonly string[];
  /** Ids of tracks that it cannot play all the same. */
  refused: ReadonlySet<string>;
  /** Why the node has no place for a track now, by its id. */
  leftOut: ReadonlyMap<string, string>;
}

/**
 * The tiles of a room in a lasting order: as people came in, each screen after
 * its owner. Who speaks changes nothing about it.
 */
export function tilesOf(room: Room, own: OwnMedia, plays: Playable): Tile[] {
  return room.participants.flatMap((participant) => {
    const self = participant.id === room.selfId;
    const list: Tile[] = [];
    if (!participant.viewOnly) list.push(tileOf(room, participant, "camera", own, plays));
    const screen = trackOf(participant, TrackSource.SCREEN);
    if (self ? own.screen : screen) list.push(tileOf(room, participant, "screen", own, plays));
    return list;
  });
}

/** The tiles without the own camera, where that floats or is hidden. Somebody alone sees it large rather than in a corner. */
export function withoutOwn(tiles: Tile[], place: "grid" | "floating" | "hidden"): Tile[] {
  if (place === "grid") return tiles;
  const others = tiles.filter((t) => !(t.own && t.source === "camera"));
  return place === "floating" && others.length === 0 ? tiles : others;
}

function tileOf(room: Room, participant: Participant, source: Tile["source"], own: OwnMedia, plays: Playable): Tile {
  const self = participant.id === room.selfId;
  const track = source === "screen" ? trackOf(participant, TrackSource.SCREEN) : pictureOf(participant);
  const known = self || !track || canPlay(track.codec, plays.codecs);
  const playable = known && !(track && plays.refused.has(track.id));
  const sends = self ? (source === "screen" ? own.screen : own.camera) : room.maySubscribe && track !== undefined && !track.muted;
  let unplayable = "";
  if (track && !playable) unplayable = `This browser cannot play ${known ? "this kind of " : ""}${codecName(track.codec)} video`;
  const sound = source === "screen" ? trackOf(participant, TrackSource.SCREEN_AUDIO) : soundOf(participant);
  const leftOut = plays.leftOut.get(track?.id ?? "") ?? plays.leftOut.get(sound?.id ?? "");
  return {
    key: `${participant.id} ${source}`,
    participantId: participant.id,
    name: shownName(participant),
    node: self ? "" : participant.nodeName,
    source,
    own: self,
    trackId: self || !playable ? "" : (track?.id ?? ""),
    picture: sends && playable && !plays.leftOut.has(track?.id ?? ""),
    problem: participant.notice ? sentence(participant.notice) : leftOut ? sentence(leftOut) : unplayable,
    muted: self ? own.muted : isMuted(participant),
    level: source === "camera" ? (room.speakers.get(participant.id) ?? 0) : 0,
    quality: room.qualities.get(participant.id) ?? QualityLevel.UNSPECIFIED,
    kind: participant.kind,
    takesSound: participant.takesSound,
  };
}

/** A program's picture may come from no source in particular. */
function pictureOf(participant: Participant): Track | undefined {
  return (
    trackOf(participant, TrackSource.CAMERA) ??
    participant.tracks.find((t) => t.kind === TrackKind.VIDEO && t.source !== TrackSource.SCREEN)
  );
}

function soundOf(participant: Participant): Track | undefined {
  return participant.tracks.find((t) => t.kind === TrackKind.AUDIO && t.source !== TrackSource.SCREEN_AUDIO);
}

export interface StageChoice {
  layout: "grid" | "speaker";
  /** Key of the tile that the user pinned. */
  pinned: string;
  /** Keys of screens that the user sent back to the grid. */
  dismissed: ReadonlySet<string>;
  speaker: string;
}

/** The index of the tile shown large, or -1 for a grid. */
export function mainTile(tiles: readonly Tile[], choice: StageChoice): number {
  const find = (test: (tile: Tile) => boolean) => tiles.findIndex(test);
  const pinned = find((t) => t.key === choice.pinned);
  if (pinned >= 0) return pinned;
  for (let i = tiles.length - 1; i >= 0; i--) {
    const tile = tiles[i];
    if (tile?.source === "screen" && !tile.own && !choice.dismissed.has(tile.key)) return i;
  }
  if (choice.layout === "grid") return -1;
  const speaking = find((t) => t.source === "camera" && t.participantId === choice.speaker);
  if (speaking >= 0) return speaking;
  const other = find((t) => !t.own && t.source === "camera");
  return other >= 0 ? other : tiles.length > 0 ? 0 : -1;
}
