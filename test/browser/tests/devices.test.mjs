// Devices that change, phone calls, sleeps and second tabs, in a call.
import assert from "node:assert/strict";
import { Person } from "../lib/call.mjs";
import { house } from "../lib/harness.mjs";
import { until } from "../lib/wait.mjs";

const { daemon, scene } = await house();
// Two cameras and two microphones beside the default, and no bar of the microphone's
// level, as in Firefox with a Bluetooth headset (jitsi/jitsi-meet#8209).
const launch = { device: "device-count=2,fps=10" };
const headset = "Fake Audio Input 2";

/** Puts the page's hands on what the system tells the browser. */
function system() {
  window.system = { gone: new Set(), group: "", sockets: 0, asked: 0 };
  const devices = navigator.mediaDevices;
  const list = devices.enumerateDevices.bind(devices);
  devices.enumerateDevices = async () => {
    const all = (await list()).filter((d) => !system.gone.has(d.label));
    return all.map((d) => {
      const { deviceId, kind, label, groupId } = d;
      const other = all.find((one) => one.kind === kind && one.label === system.group);
      return deviceId === "default" && other ? { deviceId, kind, label: `Default - ${other.label}`, groupId: other.groupId } : d;
    });
  };
  const get = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (constraints) => {
    system.asked++;
    return get(constraints);
  };
  AudioContext.prototype.createMediaStreamSource = () => {
    throw new DOMException("AudioNodes with different sample-rate", "NotSupportedError");
  };
  const now = Date.now;
  let slept = 0;
  Date.now = () => now() + slept;
  Object.assign(system, {
    change: () => devices.dispatchEvent(new Event("devicechange")),
    hide: (hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    },
    microphone: () => window.umbrella.publishPC.getSenders().find((s) => s.track?.kind === "audio")?.track,
    sleep: (ms) => (slept += ms),
  });
  const Native = WebSocket;
  window.WebSocket = class extends Native {
    constructor(...how) {
      super(...how);
      window.system.sockets++;
      window.system.socket = this;
      this.addEventListener("message", (event) => {
        if (window.system.dead === this) event.stopImmediatePropagation();
      });
    }
  };
}

scene("the devices of a call", 90, async ({ person, step }) => {
  const [ada, bob] = [await person("Ada", { launch }), await person("Bob", { launch })];
  for (const one of [ada, bob]) await one.page.evaluateOnNewDocument(`${system}; system(); system = window.system`);
  await Promise.all([ada.join(daemon, "den"), bob.join(daemon, "den")]);
  await bob.meets(["Ada"]);
  const label = () => ada.page.evaluate(() => system.microphone()?.label);
  const heardAnew = async () => {
    const before = (await bob.heard()).Ada.energy;
    await until("Bob hears Ada", 10_000, 50, async () => (await bob.heard()).Ada?.energy > before);
  };

  await step("all buttons have room on the smallest phones", async () => {
    await ada.page.setViewport({ width: 320, height: 568 });
    const edge = () =>
      ada.page.evaluate(() => Math.max(...[...document.querySelectorAll(".controls button")].map((b) => b.getBoundingClientRect().right)));
    await until("they are in view", 5_000, 50, async () => (await edge()) <= 320);
    await ada.page.setViewport({ width: 1000, height: 700 });
  });

  await step("the system's microphone is another", async () => {
    await ada.page.evaluate((name) => ((system.group = name), system.change()), headset);
    await ada.says(`Your microphone is now “${headset}”.`);
    assert.equal(await label(), headset);
    await heardAnew();
  });

  await step("it goes, and the call goes on with what there is", async () => {
    await ada.page.evaluate((name) => {
      system.group = "Fake Audio Input 1";
      system.gone.add(name);
      system.change();
    }, headset);
    await ada.says("Your microphone is now “Fake Audio Input 1”.");
    await heardAnew();
  });

  let asked = 0;
  await step("after a sleep of a minute the call goes on by another socket", async () => {
    const before = await ada.page.evaluate(() => {
      system.dead = system.socket;
      system.sleep(60_000);
      return { sockets: system.sockets, asked: system.asked, self: window.umbrella.state.room.selfId };
    });
    await until("a new socket", 10_000, 20, () => ada.page.evaluate((n) => system.sockets > n, before.sockets));
    await ada.state("joined");
    assert.equal(await ada.page.evaluate(() => window.umbrella.state.room.selfId), before.self);
    await bob.meets(["Ada"]);
    asked = before.asked;
  });

  await step("what pauses the sound does not end it", async () => {
    await bob.page.evaluate(() => {
      for (const element of document.querySelectorAll("audio, video")) element.pause();
    });
    await until("all play", 5_000, 50, () =>
      bob.page.evaluate(() => [...document.querySelectorAll("audio, video")].every((one) => !one.paused)),
    );
  });

  await step("a phone call takes the microphone, and gives it back silent", async () => {
    await ada.page.evaluate(() => {
      const track = system.microphone();
      Object.defineProperty(track, "muted", { get: () => true });
      track.dispatchEvent(new Event("mute"));
      system.hide(true);
    });
    await ada.says("The system has stopped your microphone: nobody hears you.");
    await until("Bob sees it", 5_000, 50, async () => (await bob.tiles()).find((t) => t.name === "Ada")?.muted);
    await ada.page.evaluate(() => system.hide(false));
    await until("it is opened anew", 10_000, 50, () => ada.page.evaluate((n) => system.asked > n, asked));
    assert.equal(await ada.page.evaluate(() => system.asked), asked + 1, "after the sleep nothing was opened that works");
    await until("Bob sees that", 5_000, 50, async () => (await bob.tiles()).find((t) => t.name === "Ada")?.muted === false);
    await heardAnew();
    assert.ok(!(await ada.text()).includes("nobody hears you"));
  });

  await step("a screen that is picked after the call is not captured", async () => {
    await ada.page.evaluate(() => {
      navigator.mediaDevices.getDisplayMedia = () => new Promise((resolve) => (system.pick = resolve));
    });
    await ada.press("Share screen");
    await until("the picker is open", 5_000, 20, () => ada.page.evaluate(() => "pick" in system));
    await ada.press("Leave");
    await ada.press("Back to the lobby");
    await ada.ready();
    const state = await ada.page.evaluate(async () => {
      const stream = document.createElement("canvas").captureStream();
      system.pick(stream);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return stream.getTracks().map((track) => track.readyState);
    });
    assert.deepEqual(state, ["ended"]);
  });

  await step("a second tab takes the call over, and the first one can have it back", async () => {
    const again = Object.assign(new Person(), { name: "Bob", context: bob.context, page: await bob.context.newPage() });
    await again.visit(daemon, "den");
    await again.says("You are in this call in another tab.");
    await again.ready();
    await again.press("Join");
    await again.state("joined");
    await bob.state("failed");
    await bob.says("The call goes on in another window");
    const [room] = (await daemon.status()).rooms;
    assert.deepEqual(room.participants.map((p) => p.name), ["Bob"]);
    await bob.page.bringToFront();
    await bob.press("Use it here");
    await bob.state("joined");
    await again.state("failed");
  });

  await step("a tab that just watches is silent beside the call", async () => {
    const wall = Object.assign(new Person(), { name: "Wall", context: bob.context, page: await bob.context.newPage() });
    await ada.press("Join");
    await ada.state("joined");
    await wall.visit(daemon, "den");
    await wall.press("Just watch");
    await wall.state("joined");
    const muted = () => wall.page.evaluate(() => [...document.querySelectorAll("audio")].map((one) => one.muted));
    await until("the wall is silent", 10_000, 50, async () => (await muted()).length > 0 && (await muted()).every((one) => one));
    await wall.press("Hear it here as well");
    await until("it is not any more", 5_000, 50, async () => (await muted()).every((one) => !one));
  });
});

scene("devices that are not allowed", 90, async ({ person, step }) => {
  const ada = await person("Ada", { launch: { ...launch, allow: false } });
  await ada.context.overridePermissions(daemon.url("/"), []);

  await step("say why, by button and by key", async () => {
    await ada.visit(daemon, "den");
    await ada.says("Camera not allowed");
    await ada.type('input[name="name"]', "Ada");
    await ada.press("Join");
    await ada.state("joined");
    await ada.page.waitForSelector(".controls");
    const toast = () => ada.page.evaluate(() => document.querySelector(".toast-alert")?.innerText ?? "");
    await ada.press("Turn camera on");
    await until("the button says why", 15_000, 50, async () => /Camera not allowed\b.*camera/s.test(await toast()));
    await ada.press("Dismiss");
    await ada.page.evaluate(() => document.activeElement.blur());
    await ada.page.keyboard.press("v");
    await until("the key says why", 15_000, 50, async () => /Camera not allowed/.test(await toast()));
    assert.ok(await ada.hasButton("Turn camera on"), "the wish for a camera is forgotten");
  });

  await step("are used when they are allowed later, and the sentence goes", async () => {
    await ada.context.overridePermissions(daemon.url("/"), ["camera", "microphone"]);
    await until("the camera is on", 20_000, 100, async () => (await ada.tiles()).some((t) => t.own && t.shown > 0));
    assert.doesNotMatch(await ada.text(), /not allowed/);
  });
});
