import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "./fakeclock";
import { camera, FakeDevices, FakeTrack, kept, microphone, stream } from "./fakedevices";
import { LocalMedia, type Kept } from "./media";

const laptop = microphone("l", "Laptop");
const headset = microphone("h", "Headset");
const defaultIs = (label: string) => microphone("default", `Default - ${label}`, label);

/** What is pending in promises runs to its end. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

async function setup(over: Partial<Kept>, ...list: MediaDeviceInfo[]) {
  const devices = new FakeDevices();
  devices.list = list;
  devices.install();
  const clock = new FakeClock();
  const news: string[] = [];
  const media = new LocalMedia(
    kept(over),
    { onMoved: (kind, label) => news.push(`${kind} ${label}`), onScreenEnded: () => news.push("screen ended") },
    clock,
  );
  await media.open();
  const track = (kind: "microphone" | "camera" = "microphone") => media.store.state[kind].track as unknown as FakeTrack | null;
  return { devices, clock, news, media, track };
}

// Seen with element-hq/element-call#1687, livekit/client-sdk-js#483, twilio/twilio-video.js#1038.
test("a headset that becomes the system's microphone is used, where nobody has chosen", async () => {
  const t = await setup({}, defaultIs("Laptop"), laptop);
  const before = t.track();
  t.devices.change(defaultIs("Headset"), laptop, headset);
  await settled();
  assert.equal(t.track()?.deviceId, "h");
  assert.equal(before?.readyState, "ended", "the old microphone is closed");
  assert.deepEqual(t.news, ["microphone Headset"]);
  // And back again, when it is unplugged.
  t.devices.change(defaultIs("Laptop"), laptop);
  await settled();
  assert.equal(t.track()?.deviceId, "l");
  assert.deepEqual(t.news, ["microphone Headset", "microphone Laptop"]);
  t.media.close();
});

// Firefox and Safari list the default first, and no "default" (w3c/mediacapture-main#608).
test("a browser without an alias for the default is followed, too", async () => {
  const t = await setup({}, laptop);
  t.devices.change(headset, laptop);
  await settled();
  assert.equal(t.track()?.deviceId, "h");
  t.media.close();
});

// "Default" with a group of its own: Chromium on ALSA, brave/brave-browser#12435.
test("an alias that tells no device is opened anew as such", async () => {
  const t = await setup({}, microphone("default", "Default", "g1"), laptop);
  t.devices.change(microphone("default", "Default", "g2"), laptop, headset);
  await settled();
  assert.deepEqual(t.devices.asked, ["any", "any"]);
  assert.equal(t.track()?.readyState, "live");
  t.media.close();
});

// steveseguin/vdo.ninja#561
test("a device that is not in use comes and goes without effect", async () => {
  const t = await setup({ cameraOn: true }, laptop, camera("c", "Built in"));
  const before = [t.track(), t.track("camera")];
  t.devices.change(laptop, headset, camera("c", "Built in"), camera("u", "USB"));
  await settled();
  t.devices.change(laptop, camera("c", "Built in"));
  await settled();
  assert.deepEqual([t.track(), t.track("camera")], before);
  assert.deepEqual(t.devices.asked, ["any", "any"]);
  assert.deepEqual(t.news, []);
  t.media.close();
});

// livekit/components-js#950, element-hq/element-web#7400
test("the chosen microphone goes, another one takes over, and it comes back", async () => {
  const t = await setup({ microphoneId: "h" }, defaultIs("Laptop"), laptop, headset);
  assert.equal(t.track()?.deviceId, "h");
  t.devices.list = [defaultIs("Laptop"), laptop];
  t.track()?.end();
  t.devices.change(...t.devices.list);
  await settled();
  assert.equal(t.track()?.label, "Default - Laptop");
  t.devices.change(defaultIs("Laptop"), laptop, headset);
  await settled();
  assert.equal(t.track()?.deviceId, "h");
  assert.equal(t.media.store.state.microphone.deviceId, "h", "the choice is kept");
  assert.deepEqual(t.news, ["microphone Laptop", "microphone Headset"]);
  t.media.close();
});

// BasisVR/Basis#708: the same microphone has another id at another port.
test("the chosen microphone is known by its name when its id is another", async () => {
  const t = await setup({ microphoneId: "h" }, laptop, headset);
  t.devices.list = [laptop];
  t.track()?.end();
  await settled();
  t.devices.change(laptop, microphone("h2", "Headset"));
  await settled();
  assert.equal(t.track()?.deviceId, "h2");
  t.media.close();
});

test("a device that goes without an end of its track is left", async () => {
  const t = await setup({ microphoneId: "h", cameraOn: true, cameraId: "u" }, laptop, headset, camera("u", "USB"), camera("c", "Built in"));
  t.devices.change(laptop, camera("c", "Built in"));
  await settled();
  assert.equal(t.track()?.deviceId, "l");
  assert.equal(t.track("camera")?.deviceId, "c");
  t.media.close();
});

test("a chosen device that another app has is not asked for again and again", async () => {
  const devices: MediaDeviceInfo[] = [laptop, headset];
  const t = await setup({}, ...devices);
  t.devices.busy.add("h");
  t.media.choose("microphone", "h");
  await settled();
  assert.equal(t.track()?.deviceId, "l");
  const asked = t.devices.asked.length;
  t.devices.change(...devices);
  await settled();
  assert.equal(t.devices.asked.length, asked);
  // Unplugged and plugged in again it may open.
  t.devices.change(laptop);
  await settled();
  t.devices.busy.clear();
  t.devices.change(...devices);
  await settled();
  assert.equal(t.track()?.deviceId, "h");
  t.media.close();
});

test("a new default that does not open leaves the microphone that is open", async () => {
  const t = await setup({}, defaultIs("Laptop"), laptop);
  const before = t.track();
  t.devices.before = () => Promise.reject(new DOMException("", "NotAllowedError"));
  t.devices.change(defaultIs("Headset"), laptop, headset);
  await settled();
  assert.equal(t.track(), before);
  assert.equal(before?.readyState, "live");
  assert.equal(t.media.store.state.microphone.problem, null);
  t.media.close();
});

// Bluetooth makes a burst of changes: QwenAudio/qwen-audio-agent#292.
test("several changes at once open one device", async () => {
  const t = await setup({}, defaultIs("Laptop"), laptop);
  for (let i = 0; i < 5; i++) t.devices.change(defaultIs("Headset"), laptop, headset);
  await settled();
  assert.deepEqual(t.devices.asked, ["any", "h"]);
  t.media.close();
});

// react-camera-pro#23, security-union/videocall-rs#566
test("of two choices in a hurry the last one counts", async () => {
  const t = await setup({}, laptop, headset, microphone("u", "USB"));
  let answer = () => {};
  t.devices.before = () => new Promise((resolve) => (answer = resolve));
  t.media.choose("microphone", "h");
  await settled();
  t.devices.before = () => {};
  t.media.choose("microphone", "u");
  answer();
  await settled();
  assert.equal(t.track()?.deviceId, "u");
  t.media.close();
});

// aws/amazon-chime-sdk-js#3238, twilio/twilio-video.js#1206, WebKit bug 208516
test("a microphone that stays silent after a phone call is opened anew", async () => {
  const t = await setup({}, microphone("i", "iPhone"));
  const before = t.track();
  before?.silence(true);
  assert.equal(t.media.store.state.microphone.interrupted, true);
  t.clock.advance(1_000);
  t.devices.hide(true);
  t.clock.advance(60_000);
  t.devices.hide(false);
  t.clock.advance(10_000);
  await settled();
  assert.equal(t.devices.asked.length, 2);
  assert.notEqual(t.track(), before);
  assert.equal(t.media.store.state.microphone.interrupted, false);
  t.media.close();
});

test("a microphone that comes back by itself is left alone", async () => {
  const t = await setup({}, microphone("i", "iPhone"));
  t.devices.hide(true);
  t.track()?.silence(true);
  t.devices.hide(false);
  t.clock.advance(500);
  t.track()?.silence(false);
  t.clock.advance(10_000);
  await settled();
  assert.equal(t.devices.asked.length, 1);
  t.media.close();
});

test("who mutes the microphone in the browser or by a switch keeps it so", async () => {
  const t = await setup({}, laptop);
  t.track()?.silence(true);
  t.clock.advance(60_000);
  t.devices.hide(true);
  t.clock.advance(1_000);
  t.devices.hide(false);
  t.clock.advance(60_000);
  await settled();
  assert.equal(t.devices.asked.length, 1);
  // But there is a button.
  t.media.retry("microphone");
  await settled();
  assert.equal(t.devices.asked.length, 2);
  t.media.close();
});

test("to unmute a microphone that the system has silenced opens it anew", async () => {
  const t = await setup({}, laptop);
  void t.media.toggle("microphone");
  t.track()?.silence(true);
  void t.media.toggle("microphone");
  await settled();
  assert.equal(t.devices.asked.length, 2);
  assert.equal(t.track()?.enabled, true);
  t.media.close();
});

// vm0-ai/vm0#10888: the screen dims, the track ends, and the first attempt fails.
test("what could not be had while the phone was busy is had when the user is back", async () => {
  const t = await setup({}, laptop);
  t.devices.busy.add("l");
  t.track()?.end();
  await settled();
  assert.equal(t.media.store.state.microphone.problem, "busy");
  t.devices.hide(true);
  t.devices.busy.clear();
  t.devices.hide(false);
  await settled();
  assert.equal(t.track()?.readyState, "live");
  t.media.close();
});

// nextcloud/spreed#4571, element-hq/element-call#742
test("a screen that is picked after the call is stopped", async () => {
  const t = await setup({ microphoneOn: false });
  let pick: (stream: MediaStream) => void = () => {};
  t.devices.picker = () => new Promise((resolve) => (pick = resolve));
  const sharing = t.media.shareScreen();
  t.media.close();
  // Back in the lobby, which opens the devices for the next call.
  await t.media.open();
  const [picture, sound] = [new FakeTrack("video", "s", "Screen"), new FakeTrack("audio", "s", "Sound")];
  pick(stream([sound], [picture]));
  assert.equal(await sharing, null);
  assert.deepEqual([picture.readyState, sound.readyState], ["ended", "ended"]);
  assert.equal(t.media.store.state.screen, null);
});

test("of two screens that are picked one is left", async () => {
  const t = await setup({ microphoneOn: false });
  const tracks = [new FakeTrack("video", "1", "One"), new FakeTrack("video", "2", "Two")];
  for (const track of tracks) {
    t.devices.picker = () => Promise.resolve(stream([], [track]));
    await t.media.shareScreen();
  }
  assert.deepEqual(tracks.map((track) => track.readyState), ["ended", "live"]);
  tracks[1]?.end();
  assert.equal(t.media.store.state.screen, null);
  assert.deepEqual(t.news, ["screen ended"]);
});

test("a permission that is given later is used at once", async () => {
  const t = await setup({ microphoneOn: false });
  t.devices.list = [camera("c", "Built in")];
  t.devices.permissions.camera.state = "denied";
  t.devices.refused.set("videoinput", new DOMException("Permission denied", "NotAllowedError"));
  await t.media.toggle("camera");
  assert.equal(t.media.store.state.camera.problem, "permission");
  t.devices.refused.clear();
  t.devices.permissions.camera.become("granted");
  await settled();
  assert.equal(t.track("camera")?.readyState, "live");
  assert.equal(t.media.store.state.camera.problem, null);
  t.media.close();
});

test("a browser that tells of no change is asked when the user comes back", async () => {
  const t = await setup({ microphoneOn: false });
  t.devices.list = [camera("c", "Built in")];
  t.devices.permissions.camera.state = "denied";
  t.devices.refused.set("videoinput", new DOMException("", "NotAllowedError"));
  await t.media.toggle("camera");
  t.devices.refused.clear();
  t.devices.hide(true);
  t.devices.hide(false);
  await settled();
  assert.equal(t.track("camera"), null, "it is still denied");
  t.devices.permissions.camera.state = "granted";
  t.devices.hide(true);
  t.devices.hide(false);
  await settled();
  assert.equal(t.track("camera")?.readyState, "live");
  t.media.close();
});

test("turning on what could not be had asks for it again", async () => {
  const t = await setup({ microphoneOn: false });
  t.devices.list = [camera("c", "Built in")];
  t.devices.permissions.camera.state = "prompt";
  t.devices.refused.set("videoinput", new DOMException("Permission dismissed", "NotAllowedError"));
  await t.media.toggle("camera");
  const { asked } = t.devices;
  const before = asked.length;
  await t.media.toggle("camera");
  assert.equal(asked.length, before + 1);
  assert.equal(t.media.store.state.camera.wanted, true);
  assert.equal(t.media.store.state.camera.problem, "dismissed");
  t.devices.refused.clear();
  await t.media.toggle("camera");
  assert.equal(t.track("camera")?.readyState, "live");
  t.media.close();
});

test("refusals are told apart", async () => {
  for (const [message, state, problem] of [
    ["Permission denied by system", "denied", "system"],
    ["Permission dismissed", "prompt", "dismissed"],
    ["Permission denied", "denied", "permission"],
  ] as const) {
    const t = await setup({ microphoneOn: false });
    t.devices.list = [camera("c", "Built in")];
    t.devices.permissions.camera.state = state;
    t.devices.refused.set("videoinput", new DOMException(message, "NotAllowedError"));
    await t.media.toggle("camera");
    assert.equal(t.media.store.state.camera.problem, problem);
    t.media.close();
  }
});

// Without a permission a device has no name yet.
test("the first camera that is plugged in is used", async () => {
  const t = await setup({ microphoneOn: false, cameraOn: true });
  assert.equal(t.media.store.state.camera.problem, "none");
  t.devices.change(camera("", ""));
  t.devices.list = [camera("c", "USB")];
  await settled();
  assert.equal(t.track("camera")?.readyState, "live");
  t.media.close();
});
