import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { capture, type MediaProblem } from "./capture";
import { FakeDevices, FakeTrack, microphone, stream } from "./fakedevices";

// element-hq/element-call#1340, nextcloud/spreed#1858
test("a browser that opens a device without a question and never answers is given up", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const devices = new FakeDevices();
    devices.list = [microphone("l", "Laptop")];
    devices.install();
    let answer: (stream: MediaStream) => void = () => {};
    devices.getUserMedia = () => new Promise((resolve) => (answer = resolve));
    const got: (MediaStreamTrack | MediaProblem)[] = [];
    const asking = capture(new Map([["microphone", {}]]), "standard", (_, result) => got.push(result));
    for (let i = 0; i < 10; i++) await Promise.resolve();
    mock.timers.tick(15_000);
    await asking;
    assert.deepEqual(got, ["busy"]);
    // What comes after all is closed, or its light would stay on.
    const late = new FakeTrack("audio", "l", "Laptop");
    answer(stream([late], []));
    for (let i = 0; i < 10; i++) await Promise.resolve();
    assert.equal(late.readyState, "ended");
  } finally {
    mock.timers.reset();
  }
});

test("a user who is asked may take their time", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const devices = new FakeDevices();
    devices.install();
    Object.assign(navigator, { permissions: { query: () => Promise.resolve({ state: "prompt" }) } });
    let answer: (stream: MediaStream) => void = () => {};
    devices.getUserMedia = () => new Promise((resolve) => (answer = resolve));
    const got: (MediaStreamTrack | MediaProblem)[] = [];
    const asking = capture(new Map([["microphone", {}]]), "standard", (_, result) => got.push(result));
    for (let i = 0; i < 10; i++) await Promise.resolve();
    mock.timers.tick(600_000);
    const track = new FakeTrack("audio", "l", "Laptop");
    answer(stream([track], []));
    await asking;
    assert.equal(got[0], track);
  } finally {
    mock.timers.reset();
  }
});
