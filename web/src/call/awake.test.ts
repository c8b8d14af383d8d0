import assert from "node:assert/strict";
import { test } from "node:test";
import { watchSleep } from "./awake";
import { FakeClock } from "./fakeclock";

test("a sleep is noticed when it is over, and slow timers are none", () => {
  const clock = new FakeClock();
  let woke = 0;
  const end = watchSleep(clock, () => woke++);
  clock.advance(60_000);
  clock.sleep(3_000);
  assert.equal(woke, 0);
  clock.sleep(60_000);
  assert.equal(woke, 1);
  clock.advance(60_000);
  assert.equal(woke, 1);
  end();
  clock.sleep(60_000);
  assert.equal(woke, 1);
});
