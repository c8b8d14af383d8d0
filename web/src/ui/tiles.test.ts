import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Room } from "../call/room";
import { emptyRoom } from "../call/state";
import { ParticipantSchema, TrackKind, TrackSource } from "../proto/umbrella/v1/signal_pb";
import { nextSpeaker } from "./speaker";
import { mainTile, tilesOf, type StageChoice } from "./tiles";

type Init = MessageInitShape<typeof ParticipantSchema>;
const camera = (id: string, codec = "video/VP8", muted = false) => ({ id, codec, muted, kind: TrackKind.VIDEO, source: TrackSource.CAMERA });
const screen = (id: string) => ({ id, codec: "video/VP8", kind: TrackKind.VIDEO, source: TrackSource.SCREEN });

function room(...participants: Init[]): Room {
  return { ...emptyRoom, selfId: "me", participants: participants.map((p) => create(ParticipantSchema, p)) };
}

const off = { camera: false, screen: false, muted: false };
const codecs = { codecs: ["video/VP8", "audio/opus"], refused: new Set<string>(), leftOut: new Map<string, string>() };

test("who has a tile", () => {
  const tiles = tilesOf(
    room(
      { id: "a", name: "Ada", tracks: [camera("a1"), screen("a2")] },
      { id: "me", name: "Me" },
      { id: "v", name: "Viewer", viewOnly: true },
      { id: "b", name: "" },
    ),
    { ...off, screen: true },
    codecs,
  );
  assert.deepEqual(tiles.map((t) => t.key), ["a camera", "a screen", "me camera", "me screen", "b camera"]);
  assert.deepEqual(tiles.map((t) => t.trackId), ["a1", "a2", "", "", ""]);
  assert.deepEqual(tiles.map((t) => t.picture), [true, true, false, true, false]);
  assert.equal(tiles[4]?.name, "Someone");
});

test("who is at another node is said to be there", () => {
  const tiles = tilesOf(room({ id: "a", name: "Ada", nodeName: "hub" }, { id: "me", nodeName: "here" }, { id: "b" }), off, codecs);
  assert.deepEqual(tiles.map((t) => t.node), ["hub", "", ""]);
});

test("a codec that cannot be played is said, and not asked for", () => {
  const [tile] = tilesOf(room({ id: "a", tracks: [camera("a1", "video/H264")] }), off, codecs);
  assert.equal(tile?.problem, "This browser cannot play H.264 video");
  assert.equal(tile.trackId, "");
  assert.equal(tile.picture, false);
});

test("a profile that the browser turned down is said, and not asked for", () => {
  const tiles = tilesOf(room({ id: "a", tracks: [camera("a1", "video/H264")] }, { id: "b", tracks: [camera("b1", "video/H264")] }), off, {
    codecs: ["video/H264"],
    refused: new Set(["a1"]),
    leftOut: new Map(),
  });
  assert.deepEqual(tiles.map((t) => t.problem), ["This browser cannot play this kind of H.264 video", ""]);
  assert.deepEqual(tiles.map((t) => t.trackId), ["", "b1"]);
});

test("what the node has no place for is said, and may be asked for", () => {
  const tiles = tilesOf(room({ id: "a", tracks: [camera("a1"), screen("a2")] }, { id: "b", tracks: [camera("b1")] }), off, {
    ...codecs,
    leftOut: new Map([["a1", "there is no place"]]),
  });
  assert.deepEqual(tiles.map((t) => t.problem), ["There is no place.", "", ""]);
  assert.deepEqual(tiles.map((t) => t.picture), [false, true, true]);
  assert.equal(tiles[0]?.trackId, "a1");
});

test("a camera that is off has a track but no picture", () => {
  const [tile] = tilesOf(room({ id: "a", tracks: [camera("a1", "video/VP8", true)] }), off, codecs);
  assert.equal(tile?.picture, false);
  assert.equal(tile.trackId, "a1");
});

test("a stream's picture needs no source", () => {
  const [tile] = tilesOf(room({ id: "a", tracks: [{ id: "a1", codec: "video/VP8", kind: TrackKind.VIDEO }] }), off, codecs);
  assert.equal(tile?.trackId, "a1");
});

test("the stage: pinned, then a screen, then whoever speaks", () => {
  const tiles = tilesOf(
    room({ id: "me" }, { id: "a", tracks: [camera("a1")] }, { id: "b", tracks: [camera("b1"), screen("b2")] }),
    { ...off, screen: true },
    codecs,
  );
  const choice: StageChoice = { layout: "grid", pinned: "", dismissed: new Set(), speaker: "" };
  const at = (patch: Partial<StageChoice>) => tiles[mainTile(tiles, { ...choice, ...patch })]?.key;
  const cases: [name: string, patch: Partial<StageChoice>, key: string | undefined][] = [
    ["a screen of another", {}, "b screen"],
    ["pinned", { pinned: "a camera" }, "a camera"],
    ["pinned, but gone", { pinned: "x camera" }, "b screen"],
    ["dismissed", { dismissed: new Set(["b screen"]) }, undefined],
    ["the speaker", { dismissed: new Set(["b screen"]), layout: "speaker", speaker: "b" }, "b camera"],
    ["no speaker yet", { dismissed: new Set(["b screen"]), layout: "speaker" }, "a camera"],
  ];
  for (const [name, patch, key] of cases) assert.equal(at(patch), key, name);
  const alone = tilesOf(room({ id: "me" }), off, codecs);
  assert.equal(mainTile(alone, { ...choice, layout: "speaker" }), 0);
  assert.equal(mainTile([], { ...choice, layout: "speaker" }), -1);
});

test("the stage is not taken by a cough, nor by oneself", () => {
  const speaking = (...ids: string[]) => new Map(ids.map((id) => [id, 90]));
  let speaker = nextSpeaker(null, speaking("me"), "me", 0);
  assert.equal(speaker, null);
  speaker = nextSpeaker(speaker, speaking("a"), "me", 1000);
  assert.equal(speaker?.participantId, "a");
  speaker = nextSpeaker(speaker, speaking("b", "a"), "me", 2000);
  assert.equal(speaker?.participantId, "a", "still speaks");
  speaker = nextSpeaker(speaker, speaking("b"), "me", 3000);
  assert.equal(speaker?.participantId, "a", "paused a second ago");
  speaker = nextSpeaker(speaker, speaking("b"), "me", 3600);
  assert.equal(speaker?.participantId, "b");
  speaker = nextSpeaker(speaker, speaking(), "me", 60_000);
  assert.equal(speaker?.participantId, "b", "stays when all are silent");
});
