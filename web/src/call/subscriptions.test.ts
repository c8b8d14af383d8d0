import assert from "node:assert/strict";
import { test } from "node:test";
import { Subscriptions } from "./subscriptions";

const shown = (width: number, height: number) => ({ visible: true, width, height });
const away = { visible: false, width: 0, height: 0 };

test("what is told is told once", () => {
  const s = new Subscriptions();
  s.set("a", shown(640, 360));
  assert.deepEqual(s.take(), [{ trackId: "a", paused: false, width: 640, height: 368 }]);
  assert.deepEqual(s.take(), []);
  s.set("a", shown(637, 365));
  assert.deepEqual(s.take(), [], "less than a step is nothing new");
  s.set("a", shown(320, 180));
  assert.deepEqual(s.take(), [{ trackId: "a", paused: false, width: 320, height: 192 }]);
});

test("off screen is paused, and keeps its size", () => {
  const s = new Subscriptions();
  s.set("a", shown(640, 368));
  s.take();
  s.set("a", away);
  assert.deepEqual(s.take(), [{ trackId: "a", paused: true, width: 640, height: 368 }]);
  s.set("a", shown(640, 368));
  assert.deepEqual(s.take(), [{ trackId: "a", paused: false, width: 640, height: 368 }]);
});

test("a tile that is gone pauses its track; one that never was says nothing", () => {
  const s = new Subscriptions();
  s.set("a", shown(16, 16));
  s.set("b", null);
  s.take();
  s.set("a", null);
  assert.deepEqual(s.take().map((x) => [x.trackId, x.paused]), [["a", true]]);
});

test("a hidden page wants nothing until it is back", () => {
  const s = new Subscriptions();
  s.set("a", shown(16, 16));
  s.set("b", away);
  s.take();
  s.setHidden(true);
  assert.deepEqual(s.take().map((x) => [x.trackId, x.paused]), [["a", true]]);
  s.setHidden(false);
  assert.deepEqual(s.take().map((x) => [x.trackId, x.paused]), [["a", false]]);
});

test("a new session is told everything again, but not of tracks that ended", () => {
  const s = new Subscriptions();
  s.set("a", shown(16, 16));
  s.set("b", shown(16, 16));
  s.take();
  s.keep(new Set(["a"]));
  s.forget();
  assert.deepEqual(s.take().map((x) => x.trackId), ["a"]);
});
