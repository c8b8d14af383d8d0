import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "./fakeclock";
import { Watch } from "./watch";

function setup() {
  const clock = new FakeClock();
  const did: string[] = [];
  const watch = new Watch(clock, () => did.push("restart"), () => did.push("give up"));
  watch.resume();
  return { clock, did, watch };
}

test("a connection that works is left alone", () => {
  const { clock, did, watch } = setup();
  watch.changed("connecting");
  clock.advance(1000);
  watch.changed("connected");
  clock.advance(60_000);
  assert.deepEqual(did, []);
});

test("a short disturbance heals by itself", () => {
  const { clock, did, watch } = setup();
  watch.changed("connected");
  watch.changed("disconnected");
  clock.advance(1900);
  watch.changed("connected");
  clock.advance(60_000);
  assert.deepEqual(did, []);
});

test("two seconds of it are a restart; three restarts in vain are the end", () => {
  const { clock, did, watch } = setup();
  watch.changed("connected");
  watch.changed("disconnected");
  clock.advance(2000);
  assert.deepEqual(did, ["restart"]);
  watch.changed("connecting");
  clock.advance(6000);
  assert.deepEqual(did, ["restart", "restart"]);
  clock.advance(6000);
  clock.advance(6000);
  assert.deepEqual(did, ["restart", "restart", "restart", "give up"]);
});

test("a failure is restarted at once", () => {
  const { clock, did, watch } = setup();
  watch.changed("failed");
  clock.advance(200);
  assert.deepEqual(did, ["restart"]);
});

test("success forgives", () => {
  const { clock, did, watch } = setup();
  for (let i = 0; i < 10; i++) {
    watch.changed("disconnected");
    clock.advance(2000);
    watch.changed("connected");
  }
  assert.equal(did.filter((d) => d === "restart").length, 10);
  assert.ok(!did.includes("give up"));
});

test("nothing is tried while the node cannot be asked", () => {
  const { clock, did, watch } = setup();
  watch.changed("connected");
  watch.suspend();
  watch.changed("failed");
  clock.advance(60_000);
  assert.deepEqual(did, []);
  watch.resume();
  clock.advance(200);
  assert.deepEqual(did, ["restart"]);
});

test("a connection that never comes up is restarted", () => {
  const { clock, did, watch } = setup();
  watch.changed("connecting");
  clock.advance(12_000);
  assert.deepEqual(did, ["restart"]);
});

test("after close nothing happens", () => {
  const { clock, did, watch } = setup();
  watch.changed("failed");
  watch.close();
  clock.advance(60_000);
  assert.deepEqual(did, []);
});

test("what never gets through is said at the first attempt, what gets lost at the last", () => {
  const told = (connects: boolean) => {
    const { clock, did } = setup();
    const watch = new Watch(clock, () => did.push("restart"), () => did.push("give up"), () => did.push("blocked"));
    watch.resume();
    watch.changed("connecting");
    if (connects) {
      watch.changed("connected");
      watch.changed("failed");
    }
    clock.advance(12_000);
    return did.slice(0, 2);
  };
  assert.deepEqual(told(false), ["blocked", "restart"]);
  assert.deepEqual(told(true), ["restart", "restart"]);
});
