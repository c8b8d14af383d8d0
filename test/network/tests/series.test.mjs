// What is made of samples, on samples that are known.
import assert from "node:assert/strict";
import test from "node:test";
import { between, coarseness, longestFreeze, longestGap, perSecond, rise } from "../lib/series.mjs";

/** Samples 100 ms apart. */
const series = (...rows) =>
  rows.map((row, i) => ({ at: 1000 + 100 * i, frames: 3 * i, frozen: 0, concealed: 0, concealments: 0, ...row }));

test("rates and rises", () => {
  const samples = series({}, {}, {}, {}, {});
  assert.equal(perSecond(samples, "frames"), 30);
  assert.equal(rise(samples, "frames"), 12);
  assert.deepEqual(between(samples, 1100, 1300).map(({ at }) => at), [1100, 1200, 1300]);
  assert.throws(() => perSecond(samples.slice(0, 1), "frames"), /1 samples/);
});

test("freezes", () => {
  const still = (...frames) => longestFreeze(series(...frames.map((n) => ({ frames: n }))));
  assert.equal(still(0, 3, 6, 9), 0);
  assert.equal(still(0, 3, 3, 3, 3, 9), 0.3, "one that ended");
  assert.equal(still(0, 3, 3, 3), 0.2, "one that goes on");
  assert.equal(longestFreeze(series({}, { frozen: 0.5 }, { frozen: 0.5 }, { frozen: 0.9 })), 0.5, "as the browser counts");
});

test("gaps in the sound", () => {
  const gap = (...rows) => longestGap(series(...rows.map(([concealed, concealments]) => ({ concealed, concealments }))));
  assert.equal(gap([0, 0], [0, 0]), 0);
  assert.equal(gap([4800, 3], [4800, 3]), 0, "what was before counts not");
  assert.equal(gap([0, 0], [960, 1], [960, 1], [1920, 2]), 20, "two gaps are no long one");
  assert.equal(gap([0, 0], [2400, 1], [7200, 1], [9600, 1], [9600, 1]), 200, "one over several samples");
  assert.equal(gap([0, 0], [4800, 1], [9600, 2]), 100, "one after the other");
});

test("how far samples are apart", () => {
  assert.equal(coarseness([{ at: 0 }, { at: 100 }, { at: 450 }, { at: 500 }]), 350);
});
