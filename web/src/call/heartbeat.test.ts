import assert from "node:assert/strict";
import { test } from "node:test";
import { Heartbeat } from "./heartbeat";

/** Ticks every second from 1 to end; answers pings while alive says so. */
function run(end: number, alive: (second: number) => boolean): { pings: number; deadAt: number | null } {
  const h = new Heartbeat(0);
  let pings = 0;
  for (let second = 1; second <= end; second++) {
    const now = second * 1000;
    const what = h.tick(now);
    if (what === "dead") return { pings, deadAt: second };
    if (what === "ping") {
      pings++;
      if (alive(second)) h.received(now + 20);
    }
  }
  return { pings, deadAt: null };
}

test("a socket that answers lives, with a ping every five seconds", () => {
  const { pings, deadAt } = run(60, () => true);
  assert.equal(deadAt, null);
  assert.ok(pings >= 11 && pings <= 13, `${pings} pings in a minute`);
});

test("a socket that falls silent is dead about ten seconds later", () => {
  const { deadAt } = run(60, (second) => second < 20);
  assert.ok(deadAt !== null && deadAt >= 25 && deadAt <= 31, `dead at ${deadAt}`);
});

test("a probe without an answer is a quick death", () => {
  const h = new Heartbeat(0);
  h.probe(100);
  assert.equal(h.tick(1000), null);
  assert.equal(h.tick(2700), "dead");
});

test("a probe with an answer is none", () => {
  const h = new Heartbeat(0);
  h.probe(100);
  h.received(200);
  assert.equal(h.tick(2700), null);
});

test("sleep is not silence", () => {
  const h = new Heartbeat(0);
  assert.equal(h.tick(1000), "ping");
  h.received(1010);
  assert.equal(h.tick(3_600_000), "ping");
  h.received(3_600_100);
  assert.equal(h.tick(3_603_000), null);
  // But who does not answer after it is gone.
  assert.equal(h.tick(7_200_000), "ping");
  assert.equal(h.tick(7_201_000), null);
  assert.equal(h.tick(7_203_000), "dead");
});
