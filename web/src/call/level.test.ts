import assert from "node:assert/strict";
import { test } from "node:test";
import { levelOf } from "./level";

const tone = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, i) => amplitude * Math.sin(i / 5));

test("levels rise from silence to loud, and stay in their range", () => {
  assert.equal(levelOf(new Float32Array(1024)), 0);
  assert.equal(levelOf(new Float32Array(0)), 0);
  assert.equal(levelOf(tone(1)), 1);
  const steps = [0.001, 0.01, 0.05, 0.1, 0.3].map((a) => levelOf(tone(a)));
  for (const [i, level] of steps.entries()) {
    assert.ok(level >= 0 && level <= 1);
    if (i > 0) assert.ok(level > (steps[i - 1] ?? 1), `step ${i}`);
  }
});
