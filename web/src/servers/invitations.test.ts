import assert from "node:assert/strict";
import { test } from "node:test";
import { type KnownInvitation, rightsWords, invitationState, accessWords, invitationBody, invitationProblems, newInvitation } from "./invitations";
import type { RoomRule } from "./model";

const rooms: RoomRule[] = [
  { name: "lounge", access: "lan" },
  { name: "board", access: "token" },
  { name: "desk", access: "password" },
  { name: "yard", access: "open" },
];

test("an invitation is first thought to be for a room that needs one", () => {
  assert.equal(newInvitation(rooms).room, "board");
  assert.equal(newInvitation(rooms.slice(0, 1)).room, "lounge");
  assert.equal(newInvitation([]).room, "");
});

test("what is asked of the node", () => {
  const draft = { ...newInvitation(rooms), name: " Ada ", publish: false, moderate: true, hours: 168, once: true };
  assert.deepEqual(invitationBody(draft), { room: "board", name: "Ada", rights: ["subscribe", "moderate"], hours: 168, once: true });
});

test("what is wrong is told by option", () => {
  const good = newInvitation(rooms);
  assert.deepEqual(invitationProblems(good), {});
  assert.deepEqual(Object.keys(invitationProblems({ ...good, room: " " })), ["room"]);
  assert.deepEqual(Object.keys(invitationProblems({ ...good, room: "a/b", name: "x".repeat(65) })), ["room", "name"]);
  assert.deepEqual(Object.keys(invitationProblems({ ...good, publish: false, subscribe: false, moderate: true })), ["rights"]);
});

test("each kind of access has words of its own", () => {
  const words = [...rooms.map((r) => r.name), "elsewhere"].map((room) => accessWords(room, rooms));
  assert.equal(new Set(words).size, words.length);
});

test("how an invitation is", () => {
  const known: KnownInvitation = {
    id: "1", room: "den", name: "", rights: ["publish", "moderate"], once: false, by: "an admin",
    made: "2026-01-01T00:00:00Z", ends: "2026-01-02T00:00:00Z", used: null, revoked: null,
  };
  assert.equal(invitationState(known), "Holds");
  assert.equal(invitationState({ ...known, once: true }), "Not used yet");
  assert.equal(invitationState({ ...known, once: true, used: known.made }), "Used by its guest");
  assert.equal(invitationState({ ...known, once: true, used: known.made, revoked: known.made }), "Revoked");
  assert.equal(rightsWords(known.rights), "be seen and heard, moderate");
});
