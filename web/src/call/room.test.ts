import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ChatMessageSchema,
  ConnectionQualitiesSchema,
  JoinedSchema,
  ParticipantSchema,
  QualityLevel,
  RoomUpdateSchema,
  SpeakersSchema,
  TrackKind,
  TrackSource,
} from "../proto/umbrella/v1/signal_pb";
import { isMuted, joinedRoom, missedChat, moving, updatedRoom, withChat, withQualities, withSpeakers } from "./room";
import { emptyRoom } from "./state";

type Init = MessageInitShape<typeof ParticipantSchema>;
const person = (id: string, at: number, more: Init = {}) =>
  create(ParticipantSchema, { id, name: id.toUpperCase(), joinedAtMs: BigInt(at), ...more });

const start = () =>
  joinedRoom(
    emptyRoom,
    create(JoinedSchema, { participantId: "me", room: "r", participants: [person("b", 20), person("me", 30), person("a", 10)] }),
  );
const ids = (room: { participants: readonly { id: string }[] }) => room.participants.map((p) => p.id);

test("participants stand in the order they came, whatever order they are told in", () => {
  assert.deepEqual(ids(start()), ["a", "b", "me"]);
  const { room } = updatedRoom(start(), create(RoomUpdateSchema, { participants: [person("d", 50), person("c", 40), person("b", 20, { viewOnly: true })] }));
  assert.deepEqual(ids(room), ["a", "b", "me", "c", "d"]);
  assert.equal(room.participants[1]?.viewOnly, true);
});

test("who comes, goes and shares is told; oneself is not", () => {
  const screen = { tracks: [{ id: "t", source: TrackSource.SCREEN, kind: TrackKind.VIDEO }] };
  const first = updatedRoom(
    start(),
    create(RoomUpdateSchema, {
      participants: [person("c", 40), person("a", 10, screen), person("me", 30, screen)],
      leftParticipantIds: ["b", "nobody"],
    }),
  );
  assert.deepEqual(
    first.events.map((e) => ("participant" in e ? `${e.participant.id} ${e.kind}` : "")),
    ["b went", "c came", "a shares"],
  );
  // Told once.
  const second = updatedRoom(first.room, create(RoomUpdateSchema, { participants: [person("a", 10, screen)] }));
  assert.deepEqual(second.events, []);
});

test("a room that is locked, or open again, is told once", () => {
  let room = start();
  const locks = [true, true, undefined, false].map((locked) => {
    const next = updatedRoom(room, create(RoomUpdateSchema, { locked }));
    room = next.room;
    return [room.locked, next.events];
  });
  assert.deepEqual(locks, [
    [true, [{ kind: "locked", locked: true }]],
    [true, []],
    [true, []],
    [false, [{ kind: "locked", locked: false }]],
  ]);
});

test("speakers and qualities of those who left are forgotten", () => {
  let room = withSpeakers(start(), create(SpeakersSchema, { speakers: [{ participantId: "a", level: 90 }, { participantId: "b", level: 80 }] }));
  room = withQualities(room, create(ConnectionQualitiesSchema, { qualities: [{ participantId: "b", level: QualityLevel.POOR }] }));
  room = withQualities(room, create(ConnectionQualitiesSchema, { qualities: [{ participantId: "a", level: QualityLevel.GOOD }] }));
  assert.equal(room.qualities.size, 2);
  room = updatedRoom(room, create(RoomUpdateSchema, { leftParticipantIds: ["b"] })).room;
  assert.deepEqual([...room.speakers], [["a", 90]]);
  assert.deepEqual([...room.qualities], [["a", QualityLevel.GOOD]]);
  room = withSpeakers(room, create(SpeakersSchema, {}));
  assert.equal(room.speakers.size, 0);
});

test("the chat is kept over a new beginning, each message once, within bounds", () => {
  const message = (id: string) => create(ChatMessageSchema, { id, text: id });
  let room = withChat(withChat(start(), message("1")), message("1"));
  room = joinedRoom(room, create(JoinedSchema, { participantId: "me2", participants: [person("me2", 60)] }));
  assert.deepEqual(room.chat.map((m) => m.id), ["1"]);
  assert.equal(room.selfId, "me2");
  for (let i = 0; i < 1100; i++) room = withChat(room, message(`m${i}`));
  assert.equal(room.chat.length, 1000);
  assert.equal(room.chat[999]?.id, "m1099");
});

test("who is muted", () => {
  const audio = (source: TrackSource, muted: boolean) => ({ kind: TrackKind.AUDIO, source, muted });
  const cases: [name: string, tracks: Init["tracks"], muted: boolean][] = [
    ["no tracks", [], true],
    ["an open microphone", [audio(TrackSource.MICROPHONE, false)], false],
    ["a muted one", [audio(TrackSource.MICROPHONE, true)], true],
    ["a camera only", [{ kind: TrackKind.VIDEO, source: TrackSource.CAMERA }], true],
    ["the sound of a screen only", [audio(TrackSource.SCREEN_AUDIO, false)], true],
    ["a stream with sound", [audio(TrackSource.UNSPECIFIED, false)], false],
  ];
  for (const [name, tracks, muted] of cases) assert.equal(isMuted(person("x", 1, { tracks })), muted, name);
});

test("which pictures ought to move", () => {
  const of = (id: string, muted = false): Init => ({
    tracks: [
      { id: `${id}-picture`, kind: TrackKind.VIDEO, source: TrackSource.CAMERA, muted },
      { id: `${id}-sound`, kind: TrackKind.AUDIO, source: TrackSource.MICROPHONE },
    ],
  });
  const participants = [person("me", 1, of("me")), person("a", 2, of("a")), person("b", 3, of("b", true)), person("c", 4, of("c"))];
  const room = joinedRoom(emptyRoom, create(JoinedSchema, { participantId: "me", participants }));
  assert.deepEqual(moving(room), ["a-picture", "c-picture"]);
  const given = (level: QualityLevel) =>
    moving(withQualities(room, create(ConnectionQualitiesSchema, { qualities: [{ participantId: "c", level }] })));
  assert.deepEqual(given(QualityLevel.FAIR), ["a-picture", "c-picture"]);
  assert.deepEqual(given(QualityLevel.POOR), ["a-picture"]);
  assert.deepEqual(given(QualityLevel.LOST), ["a-picture"]);
});

test("messages have the time of this browser's clock, whatever the node's shows", () => {
  // A node that booted in 1970.
  const message = (id: string, ageMs: bigint) => create(ChatMessageSchema, { id, text: id, sentAtMs: 7n, ageMs });
  const room = withChat(
    joinedRoom(emptyRoom, create(JoinedSchema, { participantId: "me", room: "r", earlierChat: [message("1", 60_000n)] })),
    message("2", 1n),
  );
  const ages = room.chat.map((m) => Math.round((Date.now() - Number(m.sentAtMs)) / 10_000));
  assert.deepEqual(ages, [6, 0]);
});

test("the chat of before is marked so, and nothing comes twice", () => {
  const message = (id: string, at: number) => create(ChatMessageSchema, { id, name: "A", text: id, sentAtMs: BigInt(at) });
  const joined = (...earlierChat: ReturnType<typeof message>[]) => create(JoinedSchema, { participantId: "me", room: "r", earlierChat });
  let room = joinedRoom(emptyRoom, joined(message("1", 10), message("2", 20)));
  const texts = () => room.chat.map((m) => m.text);
  assert.deepEqual(texts(), ["1", "2"]);
  assert.deepEqual([...room.earlier], ["1", "2"]);
  room = withChat(room, message("3", 30));
  room = withChat(room, message("5", 50));
  // The connection was lost for so long that the session is a new one.
  const again = joined(message("2", 20), message("3", 30), message("4", 40), message("5", 50));
  assert.deepEqual(missedChat(room, again).map((m) => m.id), ["4"]);
  room = joinedRoom(room, again);
  assert.deepEqual(texts(), ["1", "2", "3", "4", "5"]);
  assert.deepEqual([...room.earlier], ["1", "2"], "what one has missed is not of before one came");
});
