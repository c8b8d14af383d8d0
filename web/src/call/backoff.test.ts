import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "./backoff";

function waits(quick: boolean, random: () => number): number[] {
  let now = 5_000;
  const b = new Backoff(now, quick, random);
  const list: number[] = [];
  for (;;) {
    const wait = b.next(now);
    if (wait === null) return list;
    list.push(wait);
    now += wait + 50; // an attempt that fails takes a moment as well
  }
}

test("a lost socket: at once, then longer and longer, for minutes", () => {
  const list = waits(false, () => 1);
  assert.deepEqual(list.slice(0, 9), [0, 500, 500, 500, 500, 500, 500, 1000, 2000]);
  assert.ok(Math.max(...list) <= 15_000);
  assert.ok(list.reduce((a, b) => a + b) > 5 * 60_000);
});

test("half of each wait is chance", () => {
  const low = waits(false, () => 0);
  assert.deepEqual(low.slice(0, 8), [0, 250, 250, 250, 250, 250, 250, 500]);
});

test("a node that restarts is asked every half to whole second for ten seconds", () => {
  for (const random of [() => 0, () => 0.5, () => 1]) {
    const list = waits(true, random);
    assert.ok((list[0] ?? 1000) <= 500);
    let sum = 0;
    for (const wait of list) {
      if (sum > 9_000) break;
      assert.ok(wait <= 1000, `a wait of ${wait} after ${sum}`);
      sum += wait + 50;
    }
    assert.ok(list.some((wait) => wait > 3000), "it slows down later");
  }
});

// nextcloud/spreed#9382
test("a laptop that wakes in the morning tries at once, and does not give up", () => {
  const b = new Backoff(0, false, () => 1);
  let now = 0;
  for (let i = 0; i < 9; i++) now += (b.next(now) ?? 0) + 50;
  now += 8 * 3_600_000;
  assert.equal(b.next(now), 0);
  assert.equal(b.next(now + 50), 500);
  // Awake, ten minutes are the end.
  now += 50;
  const end = now + 10 * 60_000;
  while (now < end) now += (b.next(now) ?? 1_000) + 50;
  assert.equal(b.next(now), null);
});
