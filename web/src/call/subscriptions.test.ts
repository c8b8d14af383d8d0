import assert from "node:assert/strict";
import { test } from "node:test";
import { Subscriptions } from "./subscriptions";

const shown = (width: number, height: number) => ({ visible: true, width, height, pinned: false });
const away = { visible: false, width: 0, height: 0, pinned: false };

test("what is told is told once", () => {
  const s = new Subscriptions();
  s.set("a", shown(640, 360));
  assert.deepEqual(s.take(0), [{ trackId: "a", paused: false, width: 640, height: 368, pinned: false }]);
  assert.deepEqual(s.take(0), []);
  s.set("a", shown(637, 365));
  assert.deepEqual(s.take(0), [], "less than a step is nothing new");
});

test("a tile that is pinned, and is not any more, is told at once", () => {
  const s = new Subscriptions();
  const told = (now: number) => s.take(now).map((x) => x.pinned);
  s.set("a", shown(640, 368));
  assert.deepEqual(told(0), [false]);
  s.set("a", { ...shown(320, 368), pinned: true });
  assert.deepEqual(told(10), [true], "though it is smaller");
  assert.deepEqual(told(20), []);
  s.set("a", shown(640, 368));
  assert.deepEqual(told(30), [false]);
  s.set("a", { ...shown(640, 368), pinned: true });
  s.set("a", null);
  assert.deepEqual(told(40), [false], "a tile that is gone is not pinned");
});

test("larger is told at once, smaller when it stays so", () => {
  const s = new Subscriptions();
  const told = (now: number) => s.take(now).map((x) => `${x.trackId} ${x.width}×${x.height}`);
  s.set("a", shown(320, 192));
  assert.deepEqual(told(0), ["a 320×192"]);
  assert.equal(s.wait(0), Infinity);
  s.set("a", shown(640, 192));
  assert.deepEqual(told(10), ["a 640×192"]);
  s.set("a", shown(320, 192));
  assert.deepEqual(told(100), []);
  assert.equal(s.wait(100), 1000);
  s.set("a", shown(160, 96));
  assert.deepEqual(told(600), []);
  assert.equal(s.wait(600), 500, "smaller still does not put it off");
  assert.deepEqual(told(1100), ["a 160×96"]);
  assert.equal(s.wait(1100), Infinity);
});

test("a tile that is as large as before in time was never smaller", () => {
  const s = new Subscriptions();
  s.set("a", shown(640, 368));
  s.take(0);
  s.set("a", shown(160, 96));
  s.take(100);
  s.set("a", shown(640, 368));
  assert.deepEqual(s.take(500), []);
  assert.equal(s.wait(500), Infinity);
});

test("a tile that is turned is told at once", () => {
  const s = new Subscriptions();
  s.set("a", shown(640, 368));
  s.take(0);
  s.set("a", shown(368, 640));
  assert.equal(s.take(0).length, 1);
});

test("a tile that comes back smaller is told so at once, and one that goes waits for nothing", () => {
  const s = new Subscriptions();
  s.set("a", shown(640, 368));
  s.take(0);
  s.set("a", shown(160, 96));
  s.take(0);
  s.set("a", away);
  assert.deepEqual(s.take(100), [{ trackId: "a", paused: true, width: 640, height: 368, pinned: false }]);
  assert.equal(s.wait(100), Infinity);
  s.set("a", shown(160, 96));
  assert.deepEqual(s.take(200), [{ trackId: "a", paused: false, width: 160, height: 96, pinned: false }]);
});

test("what the node was told to send", () => {
  const s = new Subscriptions();
  assert.equal(s.wants("a"), false);
  s.set("a", shown(16, 16));
  assert.equal(s.wants("a"), false);
  s.take(0);
  assert.equal(s.wants("a"), true);
  s.setHidden(true);
  s.take(0);
  assert.equal(s.wants("a"), false);
});

test("off screen is paused, and keeps its size", () => {
  const s = new Subscriptions();
  s.set("a", shown(640, 368));
  s.take(0);
  s.set("a", away);
  assert.deepEqual(s.take(0), [{ trackId: "a", paused: true, width: 640, height: 368, pinned: false }]);
  s.set("a", shown(640, 368));
  assert.deepEqual(s.take(0), [{ trackId: "a", paused: false, width: 640, height: 368, pinned: false }]);
});

test("a tile that is gone pauses its track; one that never was says nothing", () => {
  const s = new Subscriptions();
  s.set("a", shown(16, 16));
  s.set("b", null);
  s.take(0);
  s.set("a", null);
  assert.deepEqual(s.take(0).map((x) => [x.trackId, x.paused]), [["a", true]]);
});

test("a hidden page wants nothing until it is back", () => {
  const s = new Subscriptions();
  s.set("a", shown(16, 16));
  s.set("b", away);
  s.take(0);
  s.setHidden(true);
  assert.deepEqual(s.take(0).map((x) => [x.trackId, x.paused]), [["a", true]]);
  s.setHidden(false);
  assert.deepEqual(s.take(0).map((x) => [x.trackId, x.paused]), [["a", false]]);
});

test("a new session is told everything again, but not of tracks that ended", () => {
  const s = new Subscriptions();
  s.set("a", shown(16, 16));
  s.set("b", shown(16, 16));
  s.take(0);
  s.keep(new Set(["a"]));
  s.forget();
  assert.deepEqual(s.take(0).map((x) => x.trackId), ["a"]);
});
