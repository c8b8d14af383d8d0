import assert from "node:assert/strict";
import { test } from "node:test";
import { LevelMeter, levelOf } from "./level";

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

/** What of an AudioContext a meter touches. */
class FakeContext {
  static last: FakeContext;
  state = "running";
  resumed = 0;
  refuses = false;
  constructor() {
    FakeContext.last = this;
    this.refuses = FakeContext.refuse;
  }
  static refuse = false;
  createAnalyser() {
    return { fftSize: 1024, getFloatTimeDomainData: () => {} };
  }
  createMediaStreamSource() {
    if (this.refuses) throw new DOMException("different sample-rate", "NotSupportedError");
    return { connect: () => {} };
  }
  resume() {
    this.resumed++;
    return Promise.resolve();
  }
  close() {
    return Promise.resolve();
  }
}

const page = new EventTarget();
Object.assign(globalThis, {
  AudioContext: FakeContext,
  MediaStream: EventTarget,
  addEventListener: page.addEventListener.bind(page),
  removeEventListener: page.removeEventListener.bind(page),
});

// Tonejs/Tone.js#767: iOS has a third state, of a phone call.
test("a meter that a phone call has interrupted goes on with the next gesture", () => {
  const meter = new LevelMeter({} as MediaStreamTrack, () => {});
  try {
    const context = FakeContext.last;
    page.dispatchEvent(new Event("pointerdown"));
    assert.equal(context.resumed, 0);
    for (const state of ["interrupted", "suspended"]) {
      context.resumed = 0;
      context.state = state;
      page.dispatchEvent(new Event("pointerdown"));
      assert.equal(context.resumed, 1, state);
    }
  } finally {
    meter.close();
  }
});

// jitsi/jitsi-meet#8209: Firefox, with a headset of Bluetooth.
test("a browser that does not measure a microphone shows no level, and goes on", () => {
  FakeContext.refuse = true;
  new LevelMeter({} as MediaStreamTrack, () => {}).close();
  FakeContext.refuse = false;
});
