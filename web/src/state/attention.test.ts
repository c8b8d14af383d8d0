import assert from "node:assert/strict";
import { test } from "node:test";
import { titleOf } from "./attention";

test("the title tells of unread messages and of a shared screen, in a call only", () => {
  const quiet = { room: "den", inCall: true, unread: 0, sharing: false };
  assert.equal(titleOf(quiet), "den · Umbrella");
  assert.equal(titleOf({ ...quiet, unread: 3 }), "(3) den · Umbrella");
  assert.equal(titleOf({ ...quiet, unread: 250, sharing: true }), "(99+) Sharing your screen · den · Umbrella");
  assert.equal(titleOf({ ...quiet, inCall: false, unread: 3, sharing: true }), "den · Umbrella");
  assert.equal(titleOf({ ...quiet, room: "", inCall: false }), "Umbrella");
});
