import assert from "node:assert/strict";
import { test } from "node:test";
import { TrackSource } from "../proto/umbrella/v1/signal_pb";
import { FakeTrack } from "./fakedevices";
import type { Device, Media } from "./media";
import { ownTracks } from "./sources";

// GetStream/stream-video-flutter#1346: the others look at a frozen picture.
test("the others are told of a device that the system has silenced", () => {
  const track = new FakeTrack("audio", "m", "M") as unknown as MediaStreamTrack;
  const muted = (device: Partial<Device>) => {
    const whole: Device = { wanted: true, track, problem: null, pending: false, deviceId: "", interrupted: false, ...device };
    const own = ownTracks({ microphone: whole, camera: whole, screen: null, screenAudio: null } as Media);
    return [own.get(TrackSource.MICROPHONE)?.muted, own.get(TrackSource.CAMERA)?.muted];
  };
  assert.deepEqual(muted({}), [false, false]);
  assert.deepEqual(muted({ interrupted: true }), [true, true]);
  assert.deepEqual(muted({ wanted: false }), [true, true]);
  assert.deepEqual(muted({ track: null }), [true, true]);
});
