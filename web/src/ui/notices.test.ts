import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device } from "../call/media";
import { deviceNotice } from "./notices";

const device = (over: Partial<Device>): Device => ({
  wanted: true, track: null, problem: null, pending: false, deviceId: "", interrupted: false, ...over,
});

test("a device that the system has taken is said to be gone, with a way to get it back", () => {
  assert.equal(deviceNotice("microphone", device({})), null);
  assert.equal(deviceNotice("microphone", device({ wanted: false, interrupted: true })), null);
  assert.deepEqual(deviceNotice("microphone", device({ interrupted: true })), {
    text: "The system has stopped your microphone: nobody hears you.",
    again: true,
  });
  assert.match(deviceNotice("camera", device({ problem: "lost" }))?.text ?? "", /nobody sees you/);
  assert.equal(deviceNotice("camera", device({ problem: "none" })), null, "who has no camera knows");
  assert.equal(deviceNotice("microphone", device({ problem: "insecure" }))?.again, false);
});
