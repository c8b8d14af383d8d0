import assert from "node:assert/strict";
import { test } from "node:test";
import { accessName, roomBody, roomDraft, roomProblems, type RoomSection } from "./rooms";

const den: RoomSection = { name: "den", access: "password", hasPassword: true, maxParticipants: 4, participants: 0 };

test("a room is sent with what was typed; its stored password stays", () => {
  assert.deepEqual(roomBody(roomDraft(den)), { options: { name: "den", access: "password", max_participants: "4" } });
  assert.deepEqual(roomBody({ ...roomDraft(null), name: " hall ", password: "x y" }), {
    options: { name: "hall", access: "password", password: "x y", max_participants: "" },
  });
  // It is not asked for any more.
  assert.deepEqual(roomBody({ ...roomDraft(den), access: "open", password: "typed before" }), {
    options: { name: "den", access: "open", max_participants: "4" },
  });
});

test("what is wrong with a room is told all at once", () => {
  assert.deepEqual(Object.keys(roomProblems({ ...roomDraft(null), maxParticipants: "many" }, false)), ["name", "password", "max_participants"]);
  assert.deepEqual(roomProblems(roomDraft(den), true), {});
  assert.deepEqual(roomProblems({ ...roomDraft(den), access: "token" }, false), {});
});

test("who may enter is told in words", () => {
  assert.equal(accessName("token"), "By invitation");
  assert.equal(accessName("new"), "new");
});
