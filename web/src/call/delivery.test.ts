import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceKind } from "./capture";
import { Delivery } from "./delivery";
import { FakeClock } from "./fakeclock";
import { FakeTrack } from "./fakedevices";
import type { Device, Media } from "./media";

const settled = () => new Promise((resolve) => setTimeout(resolve));

function setup() {
  const clock = new FakeClock();
  const device = (track: FakeTrack): Device => ({
    wanted: true, track: track as unknown as MediaStreamTrack, problem: null, pending: false, deviceId: "", interrupted: false,
  });
  const tracks = { microphone: new FakeTrack("audio", "m", "M"), camera: new FakeTrack("video", "c", "C") };
  const media = { microphone: device(tracks.microphone), camera: device(tracks.camera) };
  const given = new Map([[tracks.microphone.id, 0.5], [tracks.camera.id, 100]]);
  const reopened: DeviceKind[] = [];
  const delivery = new Delivery({
    clock,
    media: () => media as Media,
    given: () => Promise.resolve(new Map(given)),
    reopen: (kind) => reopened.push(kind),
  });
  const wait = async () => {
    await settled();
    clock.advance(3_000);
    await settled();
  };
  return { delivery, media, tracks, given, reopened, wait };
}

// 100mslive/web-sdks#3728, twilio/twilio-video.js#1206, UnigramDev/Unigram#2037
test("after a sleep a microphone without sound and a camera without pictures are opened anew, once", async () => {
  const t = setup();
  t.delivery.suspect("microphone");
  t.delivery.suspect("camera");
  await t.wait();
  assert.deepEqual(t.reopened, ["microphone", "camera"]);
  await t.wait();
  assert.equal(t.reopened.length, 2);
});

test("those that give something are left alone", async () => {
  const t = setup();
  t.delivery.suspect("microphone");
  t.delivery.suspect("camera");
  await settled();
  t.given.set(t.tracks.microphone.id, 0.5001).set(t.tracks.camera.id, 101);
  await t.wait();
  assert.deepEqual(t.reopened, []);
});

test("a browser that does not count tells nothing", async () => {
  const t = setup();
  t.given.clear();
  t.delivery.suspect("microphone");
  await t.wait();
  assert.deepEqual(t.reopened, []);
});

test("a microphone that the user has muted is looked at when it is on again", async () => {
  const t = setup();
  t.media.microphone.wanted = false;
  t.delivery.suspect("microphone");
  await t.wait();
  assert.deepEqual(t.reopened, []);
  t.media.microphone.wanted = true;
  t.delivery.turnedOn();
  await t.wait();
  assert.deepEqual(t.reopened, ["microphone"]);
});
