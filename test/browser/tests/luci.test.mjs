// The views of the LuCI app in Chromium, over a stand-in of LuCI's client and an
// access point that holds every call against the app's rights.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { TestBrowser } from "../lib/browser.mjs";
import { openView, soon } from "../luci/page.mjs";

const browser = await TestBrowser.launch("chromium", { device: null });
after(() => browser.close());

const minute = 60_000;
const now = 1_790_000_000_000;

const settings = () => ({
  main: { ".type": "umbrella", ".name": "main", ".anonymous": false, enabled: "1" },
  guests: { ".type": "room", ".name": "guests", ".anonymous": false, access: "open" },
  cloud: { ".type": "backhaul", ".name": "cloud", ".anonymous": false, url: "wss://sfu.example.org/wsb", secret: "0123456789abcdef" },
  door: { ".type": "camera", ".name": "door", ".anonymous": false, name: "<b>Door</b>", url: "rtsp://u:hidden-1@192.168.1.64/a", substream: "rtsp://192.168.1.64/b" },
});

const trunks = [
  { name: "cloud", url: "wss://sfu.example.org/wsb", links: [{ nodeName: "far", sentBitsPerSecond: 2_400_000, receivedBitsPerSecond: 900_000, roundTripMs: 23.4 }] },
];
const cameras = [
  { id: "door", name: "<b>Door</b>", room: "main", phase: "CAMERA_PHASE_DOWN", trouble: { reason: "it does not answer", advice: "switch it on" } },
];
const status = () => ({
  version: "1.2.3",
  startedAtMs: now - 2 * minute,
  nowMs: now,
  urls: ["https://192.168.1.1:8081/sfu"],
  rooms: [
    {
      name: "guests",
      participants: [
        { id: "p1", name: "<i>Ada</i>", kind: "PARTICIPANT_KIND_PERSON", joinedAtMs: now - minute, station: { signalDbm: -52 }, tracks: [{ layers: [{ bitsPerSecond: 1_500_000 }] }] },
        { id: "p2", name: "Bob", kind: "PARTICIPANT_KIND_PERSON", joinedAtMs: now - minute, nodeId: "n2", nodeName: "far" },
      ],
    },
  ],
  trunks,
  cameras,
});

const line = (id, priority, msg) => ({ id, priority, msg, time: now });

/** An access point whose node runs, and a page with one of its views. */
const open = (t, view, change = () => {}) =>
  openView(browser, t, view, (ap) => {
    ap.sections = settings();
    Object.assign(ap.answers, {
      "umbrella.status": status,
      "umbrella.trunks": () => ({ trunks, refused: [] }),
      "umbrella.cameras": () => ({ cameras }),
      "log.read": () => ({ log: [line(1, 30, "umbrellad[7]: all is well"), line(2, 27, "umbrellad[7]: a failure"), line(3, 27, "other[1]: not ours"), line(4, 27, "umbrella: settings are wrong")] }),
    });
    change(ap);
  });

const options = { timeout: minute };

test("overview: live state", options, async (t) => {
  const { text, page, press, says, called, fine, ap } = await open(t, "view.umbrella.overview");
  const shown = await text();
  for (const words of ["1.2.3", "https://192.168.1.1:8081/sfu", "<i>Ada</i>", "-52 dBm (good)", "1.5 Mbit/s", "at far", "connected", "round trip 23 ms", "it does not answer – switch it on"]) {
    assert.ok(shown.includes(words), `"${words}" is not in\n${shown}`);
  }
  await soon("the QR code", () => page.$eval('main img[alt^="QR code of https://192.168.1.1:8081"]', (img) => img.naturalWidth > 100));
  assert.equal(await page.$$eval("main button", (all) => all.length), 1, "only who came in here can be removed");
  await press("Remove", "main");
  await says("leaves the room guests");
  await press("Remove", "#modal");
  await soon("the call", () => called("umbrella.kick").length === 1);
  assert.deepEqual(called("umbrella.kick"), [{ room: "guests", participant: "p1" }]);
  ap.answers["umbrella.status"] = () => ({ ...status(), rooms: [] });
  await page.evaluate(() => window.pollOnce());
  await says("Nobody is in a room.");
  delete ap.answers["umbrella.status"];
  await page.evaluate(() => window.pollOnce());
  await says("There is no live state");
  fine();
});

// Memory is shown against the limit that holds, with what the node says of it and of how
// it is reached.
test("overview: memory and what people should know", options, async (t) => {
  const mib = (n) => String(n * 1024 * 1024);
  let process = { systemBytes: mib(30), memoryLimitBytes: mib(64) };
  let problems = [];
  const { page, text, says, fine } = await open(t, "view.umbrella.overview", (ap) => {
    ap.answers["umbrella.status"] = () => ({ ...status(), process, problems });
  });
  await says("30.0 MiB of 64.0 MiB");
  assert.equal(await page.$(".alert-message"), null);
  process = { ...process, memoryNeededBytes: mib(41), memoryMostNeededBytes: mib(40), shortOfMemory: true, shortOfMemoryReason: "the <b>machine</b> has too little" };
  problems = ["192.168.7.1:8081 cannot be listened on", "/etc/config/umbrella: section 'main', option 'turn_url' is not used: turn is 0"];
  await page.evaluate(() => window.pollOnce());
  await says("41.0 MiB of 40.0 MiB");
  const shown = await text();
  for (const words of ["nobody else can join", "the <b>machine</b> has too little", problems[0], "Settings – “Relay addresses”: is not used: “Relay” is off"]) assert.ok(shown.includes(words), words);
  fine();
});

// Durations are in the language of LuCI's page.
test("overview: in German", options, async (t) => {
  const { page, text, fine } = await open(t, "view.umbrella.overview", (ap) => {
    ap.answers["umbrella.status"] = () => ({ ...status(), startedAtMs: now - (26 * 60 + 5) * minute });
  });
  await page.evaluate(() => (document.documentElement.lang = "de"));
  await page.evaluate(() => window.pollOnce());
  assert.match(await text(), /1 Tg\. 2 Std\./);
  await page.evaluate(() => (document.documentElement.lang = "zh_Hans"));
  await page.evaluate(() => window.pollOnce());
  assert.match(await text(), /1天 2小时/);
  fine();
});

test("overview: addresses that others can open", options, async (t) => {
  let urls = ["https://192.168.1.1:8081/sfu", "https://127.0.0.1:8081/sfu", "https://localhost:8081/sfu", "https://[::1]:8081/sfu", "https://ap.lan:8081/sfu"];
  const { page, text, fine } = await open(t, "view.umbrella.overview", (ap) => {
    ap.answers["umbrella.status"] = () => ({ ...status(), urls });
  });
  assert.deepEqual(await page.$$eval("main li", (all) => all.map((node) => node.innerText)), ["https://192.168.1.1:8081/sfu", "https://ap.lan:8081/sfu"]);
  urls = ["https://localhost:8081/sfu"];
  await page.evaluate(() => window.pollOnce());
  assert.ok((await text()).includes("by the address of the proxy"));
  fine();
});

test("overview: who may only read", options, async (t) => {
  const { ap, page, text, fine } = await open(t, "view.umbrella.overview", (ap) => {
    ap.readOnly = true;
    ap.answers["rc.list"] = () => ({ umbrella: { enabled: false, running: true } });
  });
  assert.ok((await text()).includes("does not start at boot"));
  assert.equal(await page.$eval("#umbrella-notice a:last-of-type", (a) => a.getAttribute("href")), "/cgi-bin/luci/admin/system/startup");
  assert.equal(await page.$("button"), null);
  ap.sections.main.enabled = "0";
  ap.answers["rc.list"] = () => ({ umbrella: { enabled: true, running: false } });
  await page.evaluate(() => window.openView("view.umbrella.overview"));
  assert.deepEqual(await page.$$eval("#umbrella-notice button", (all) => all.map((b) => [b.textContent, b.disabled])), [["Enable and start", true]]);
  fine();
});

for (const view of ["overview", "trunks", "cameras", "rooms", "settings", "log"]) {
  test(`${view}: says that the service is off, and turns it on`, options, async (t) => {
    const { ap, says, press, page, text, fine } = await open(t, `view.umbrella.${view}`, (ap) => {
      ap.sections.main.enabled = "0";
      ap.answers["rc.list"] = () => ({ umbrella: { enabled: true, running: false } });
      for (const name of ["status", "trunks", "cameras"]) delete ap.answers[`umbrella.${name}`];
    });
    await says("Umbrella is switched off in its settings.");
    await press("Enable and start");
    await soon("the settings to be applied", () => ap.applied === 1);
    assert.equal(ap.sections.main.enabled, "1");
    ap.answers["rc.list"] = () => ({ umbrella: { enabled: true, running: true } });
    await page.evaluate(() => window.pollOnce());
    assert.equal(await text("#umbrella-notice"), "");
    fine();
  });
}

test("a service that does not start says so", options, async (t) => {
  const { says, text, page, ap, fine } = await open(t, "view.umbrella.overview", (ap) => {
    ap.answers["rc.list"] = () => ({ umbrella: { enabled: true, running: false } });
  });
  await says("switched on, but not running", "#umbrella-notice");
  assert.equal(await page.$("#umbrella-notice button"), null, "there is nothing left to enable");
  assert.deepEqual(await page.$$eval("#umbrella-notice a", (all) => all.map((a) => a.textContent)), ["Open the log", "Open the startup scripts"]);
  ap.answers["rc.list"] = () => ({ umbrella: { enabled: false, running: false } });
  await page.evaluate(() => window.pollOnce());
  await says("does not start at boot", "#umbrella-notice");
  // It is on the bus, and tells there what keeps it from starting.
  const why = "option 'listen': listen tcp :443: bind: address already in use: the process <b>uhttpd</b> (pid 1234) listens there: stop that, or take another port";
  ap.answers["rc.list"] = () => ({ umbrella: { enabled: true, running: true } });
  ap.answers["umbrella.status"] = () => ({ version: "1.2.3", rooms: [], trunks: [], cameras: [], urls: [], problem: why });
  await page.evaluate(() => window.pollOnce());
  await says("Umbrella cannot start. It tries again", "#umbrella-notice");
  await says("Settings – “Web address”: listen tcp :443: bind: address already in use: the process <b>uhttpd</b> (pid 1234) listens there: stop that, or take another port", "#umbrella-notice");
  await says("There is no live state");
  fine();
});

test("settings that were refused are told of, and why", options, async (t) => {
  const why = "/etc/config/umbrella: section 'main', option 'tls': '<b>maybe</b>' is not allowed: auto, files, acme or off";
  const more = [
    "/etc/config/umbrella: section 'door', option 'url' is missing, and a camera that is enabled needs it: something",
    "/etc/config/umbrella: section '@room[0]', option 'password' is missing, and access 'password' needs it: secret",
    "/etc/config/umbrella: line 7: what nobody knows",
  ];
  let refused = null;
  const { says, text, called, page, ap, fine } = await open(t, "view.umbrella.rooms", (ap) => {
    ap.answers["file.read"] = () => refused;
  });
  assert.equal(await text("#umbrella-notice"), "");
  assert.deepEqual(called("file.read")[0], { path: "/var/run/umbrella/refused" });
  // As after Save & Apply.
  refused = { data: `${why}\n` };
  await page.evaluate(() => window.pollOnce());
  await says("runs on with the ones before", "#umbrella-notice");
  assert.equal(await text("#umbrella-notice li"), "Settings – “Certificate from”: '<b>maybe</b>' is not allowed: one of the choices of the page");
  assert.equal(await page.$eval("#umbrella-notice pre", (node) => node.textContent), why);
  await page.evaluate(() => window.openView("view.status.include.70_umbrella"));
  await says("refused", "main");
  refused = { data: more.join("\n") };
  await page.evaluate(() => window.openView("view.umbrella.overview"));
  await says("Cameras – <b>Door</b> – “Address”: is missing, and a camera that is enabled needs it: something", "#umbrella-notice");
  await says("Rooms – @room[0] – “Password”: is missing, and “people who know the password” needs it: secret", "#umbrella-notice");
  await says("what nobody knows", "#umbrella-notice");
  ap.answers["rc.list"] = () => ({ umbrella: { enabled: true, running: false } });
  await page.evaluate(() => window.pollOnce());
  await says("The settings were refused.", "#umbrella-notice");
  assert.ok(!(await text("#umbrella-notice")).includes("runs on"));
  refused = null;
  await page.evaluate(() => window.pollOnce());
  assert.ok(!(await text("#umbrella-notice")).includes("refused"));
  fine();
});

test("trunks: state and settings of trunks", options, async (t) => {
  const { ap, says, text, press, type, page, fine } = await open(t, "view.umbrella.trunks");
  await says("connected", '[data-name="_connected"]');
  assert.ok(!(await text()).includes("0123456789abcdef"), "the secret is shown");
  await press("Edit", '[data-section="cloud"]');
  await type('#modal [name="url"]', "https://sfu.example.org/");
  await says("Expecting: wss://HOST/PATH/wsb");
  const lines = await page.$$eval(".problem", (all) => all.flatMap((node) => node.textContent.split("\n")));
  assert.ok(lines.length > 1 && lines.every((words) => words.length < 45), `LuCI shows each in one line: ${lines}`);
  await type('#modal [name="url"]', "ws://sfu.example.org/wsb");
  await type('#modal [name="fingerprint"]', "ab".repeat(32));
  await says("Cannot be checked: “Address” has to begin with wss://");
  await type('#modal [name="url"]', "wss://other.example.org/wsb");
  await type('#modal [name="room"]', "guests\nmain");
  await press("Save", "#modal");
  await soon("the settings", () => ap.sections.cloud.url === "wss://other.example.org/wsb");
  assert.deepEqual(ap.sections.cloud.room, ["guests", "main"]);
  assert.equal(ap.sections.cloud.secret, "0123456789abcdef");
  ap.answers["umbrella.trunks"] = () => ({ trunks: [{ name: "cloud", url: "wss://other.example.org/wsb", problem: "the name is not known" }] });
  await page.evaluate(() => window.pollOnce());
  await says("the name is not known", '[data-name="_connected"]');
  fine();
});

test("cameras: a test of both streams", options, async (t) => {
  const { says, text, press, called, page, ap, fine } = await open(t, "view.umbrella.cameras", (ap) => {
    ap.answers["umbrella.probe"] = ({ url }) =>
      url.endsWith("/a") ? { text: "H.264, 25 a second", plays: true, hears: false } : { text: "cannot be used: it is H.265\n what to do: set it to H.264", plays: false, hears: false, trouble: { reason: "it is H.265", advice: "set it to H.264" } };
  });
  assert.ok((await text()).includes("<b>Door</b>"));
  assert.ok(!(await text()).includes("hidden-1"), "the password is shown");
  await says("it does not answer – switch it on", '[data-name="_state"]');
  await press("Test", '[data-section="door"]');
  await says("what to do: set it to H.264", "#modal");
  const verdicts = ["browsers show it", "without sound", "cannot be used"];
  assert.deepEqual(await page.$$eval("#modal .umbrella-badge", (all) => all.map((node) => node.textContent)), verdicts);
  assert.deepEqual(called("umbrella.probe"), [{ url: "rtsp://u:hidden-1@192.168.1.64/a" }, { url: "rtsp://192.168.1.64/b" }]);
  await press("Close", "#modal");
  delete ap.answers["umbrella.probe"];
  await press("Test", '[data-section="door"]');
  await says("The node did not answer", "#modal");
  fine();
});

test("cameras: discovered and added", options, async (t) => {
  const { ap, says, press, type, called, page, fine } = await open(t, "view.umbrella.cameras", (ap) => {
    const profiles = [
      { url: "rtsp://192.168.1.70:554/main", codec: "H264", width: 2560, height: 1440, role: "main" },
      { url: "rtsp://192.168.1.70:554/sub", codec: "H264", width: 640, height: 360, role: "sub" },
    ];
    ap.answers["umbrella.discover"] = ({ user }) => ({ cameras: [{ address: "192.168.1.70", name: "Door", manufacturer: "Ex", model: "1", ...(user ? { profiles } : { problem: "it wants a login" }) }] });
  });
  await press("Discover");
  await press("Search", "#modal");
  await says("it wants a login", "#modal");
  await type("#umbrella-user", "me");
  await type("#umbrella-password", "p@ss!");
  await press("Search", "#modal");
  await says("2560×1440", "#modal");
  assert.deepEqual(called("umbrella.discover").at(-1), { user: "me", password: "p@ss!" });
  await press("Add", "#modal");
  await soon("the form", () => page.$('#modal [name="substream"]'));
  const typed = (name) => page.$eval(`#modal [name="${name}"]`, (input) => input.value);
  assert.equal(await typed("url"), "rtsp://192.168.1.70:554/main");
  assert.equal(await typed("_url_user"), "me");
  assert.equal(await typed("_url_password"), "p@ss!");
  await press("Save", "#modal");
  await soon("the settings", () => ap.sections.door_2);
  assert.equal(ap.sections.door_2.url, "rtsp://me:p%40ss%21@192.168.1.70:554/main");
  assert.equal(ap.sections.door_2.substream, "rtsp://me:p%40ss%21@192.168.1.70:554/sub");
  assert.equal(ap.sections.door_2.name, "Door");
  fine();
});

// The login of a camera stands in the address of the settings, with escapes. On the
// page it has fields of its own, and only what people change is written anew.
test("cameras: user and password apart from the address", options, async (t) => {
  const { ap, page, press, type, text, says, fine } = await open(t, "view.umbrella.cameras", (ap) => {
    ap.sections.door = { ...ap.sections.door, url: "rtsp://ad%6Din:p%40ss%2f%3A@192.168.1.64:554/a?x=1", substream: "rtsp://ad%6Din:p%40ss%2f%3A@192.168.1.64:554/b" };
    ap.sections.yard = { ".type": "camera", ".name": "yard", ".anonymous": false, url: "rtsp://u:one@192.168.1.65/a", substream: "rtsp://v:two@192.168.1.65/b" };
  });
  const before = structuredClone(ap.sections);
  const typed = (name) => page.$eval(`#modal [name="${name}"]`, (input) => input.value);
  const edit = async (name) => {
    await press("Edit", `[data-section="${name}"]`);
    await soon("the form", () => page.$('#modal [name="_url_user"]'));
  };
  const save = async () => {
    await press("Save", "#modal");
    await soon("the end of the form", async () => !(await page.$("#modal")));
  };
  const same = (got, url) => assert.deepEqual([new URL(got).href, got.includes("%40")], [new URL(url).href, true]);
  assert.equal(await text('[data-section="door"] [data-name="url"]'), "rtsp://192.168.1.64:554/a?…");

  await edit("door");
  assert.equal(await typed("url"), "rtsp://192.168.1.64:554/a?x=1");
  assert.equal(await typed("substream"), "rtsp://192.168.1.64:554/b");
  assert.equal(await typed("_url_user"), "admin");
  assert.equal(await typed("_url_password"), "p@ss/:");
  assert.equal(await page.$eval('#modal [name="_url_password"]', (input) => input.type), "password");
  assert.equal(await page.$eval('#modal [name="_substream_user"]', (input) => input.closest("label").hidden), true);
  await type('#modal [name="room"]', "garage");
  await save();
  await soon("the settings", () => ap.sections.door.room === "garage");
  assert.equal(ap.sections.door.url, before.door.url, "what nobody touched is as it was written");
  assert.equal(ap.sections.door.substream, before.door.substream);

  await edit("door");
  await type('#modal [name="_url_password"]', "ü @#%!'");
  await save();
  const password = "%C3%BC%20%40%23%25%21%27";
  await soon("the settings", () => ap.sections.door.url === `rtsp://admin:${password}@192.168.1.64:554/a?x=1`);
  assert.equal(ap.sections.door.substream, `rtsp://admin:${password}@192.168.1.64:554/b`);

  // A login that is typed or pasted with the address goes to its fields.
  await edit("door");
  await type('#modal [name="url"]', "rtsp://me:a@b@192.168.1.66/c");
  assert.equal(await typed("url"), "rtsp://192.168.1.66/c");
  assert.deepEqual([await typed("_url_user"), await typed("_url_password")], ["me", "a@b"]);
  await type('#modal [name="onvif"]', "http://you:x@192.168.1.66/");
  assert.equal(await typed("onvif"), "http://192.168.1.66/");
  assert.deepEqual([await typed("_url_user"), await typed("_url_password")], ["you", "x"]);
  await type('#modal [name="_url_user"]', "");
  await says("A password needs a user", "#modal");
  await type('#modal [name="_url_password"]', "");
  await save();
  await soon("the settings", () => ap.sections.door.url === "rtsp://192.168.1.66/c");
  assert.equal(ap.sections.door.onvif, "http://192.168.1.66/");

  // Another login of the small stream has fields of its own.
  await edit("yard");
  assert.equal(await page.$eval('#modal [name="_substream_user"]', (input) => input.closest("label").hidden), false);
  assert.deepEqual([await typed("_substream_user"), await typed("_substream_password")], ["v", "two"]);
  await type('#modal [name="_url_password"]', "three");
  await save();
  await soon("the settings", () => ap.sections.yard.url === "rtsp://u:three@192.168.1.65/a");
  assert.equal(ap.sections.yard.substream, "rtsp://v:two@192.168.1.65/b");
  same("rtsp://a:%40@h/", "rtsp://a:%40@h/");
  fine();
});

// Sections have names of a few letters; people type names of their own language.
test("cameras, trunks and rooms are added by a name that people type", options, async (t) => {
  const { ap, page, press, type, fine } = await open(t, "view.umbrella.cameras");
  const add = async (view, button, typed) => {
    await page.evaluate((name) => window.openView(name), `view.umbrella.${view}`);
    await type(".cbi-section-create-name", typed);
    await press(button, "main");
    await soon("the form", () => page.$("#modal"));
  };
  const added = async (id) => {
    await press("Save", "#modal");
    await soon(`the section ${id} of ${Object.keys(ap.sections)}`, () => ap.sections[id]);
    return ap.sections[id];
  };
  const cases = [
    ["Haustür Süd", "haustuer_sued"],
    ["Entrée 2", "entree_2"],
    ["玄関", "camera1"],
    ["Вход", "camera2"],
    ["", "camera3"],
    ["door", "door_2"],
  ];
  for (const [typed, id] of cases) {
    await add("cameras", "Add a camera", typed);
    await type('#modal [name="url"]', "rtsp://192.168.1.99/a");
    if (typed === "door") await type('#modal [name="room"]', "other");
    const section = await added(id);
    assert.equal(section[".type"], "camera");
    assert.equal(section.name ?? id, typed || id);
  }
  await add("rooms", "Add a room", "Garden.1");
  assert.equal((await added("garden_1")).name, "Garden.1");
  await add("rooms", "Add a room", "cellar");
  assert.equal((await added("cellar")).name, undefined);
  await add("trunks", "Add a trunk", "Büro");
  await type('#modal [name="secret"]', "abcdefghabcdefgh");
  assert.equal((await added("buero")).secret, "abcdefghabcdefgh");
  fine();
});

// Rooms that the settings or the node know can be chosen; others can be typed.
test("rooms that are known are offered", options, async (t) => {
  const { page, press, fine } = await open(t, "view.umbrella.cameras", (ap) => {
    ap.sections.cloud.room = ["lobby"];
    ap.answers["umbrella.status"] = () => ({ ...status(), rooms: [{ name: "now", participants: [] }, { name: "<b>", participants: [] }] });
  });
  const choices = () => page.$eval('#modal [name="room"]', (input) => input.dataset.choices.split(" "));
  await press("Edit", '[data-section="door"]');
  assert.deepEqual(await choices(), ["guests", "lobby", "now"], "main is what holds if nothing is chosen");
  await page.evaluate(() => window.openView("view.umbrella.trunks"));
  await press("Edit", '[data-section="cloud"]');
  assert.deepEqual(await choices(), ["guests", "lobby", "main", "now"]);
  await page.evaluate(() => window.openView("view.umbrella.rooms"));
  assert.deepEqual(await page.$$eval("datalist option", (all) => all.map((o) => o.value)), ["lobby", "main", "now"], "those without rules");
  fine();
});

test("cameras: who may only read has no buttons that ask", options, async (t) => {
  const { page, fine } = await open(t, "view.umbrella.cameras", (ap) => {
    ap.readOnly = true;
  });
  assert.deepEqual(await page.$$eval("button", (all) => all.map((b) => b.textContent).filter((words) => ["Test", "Discover"].includes(words))), []);
  fine();
});

test("rooms: people and rules", options, async (t) => {
  const { ap, says, press, type, text, fine } = await open(t, "view.umbrella.rooms");
  assert.equal(await text('[data-section="guests"] [data-name="_people"]'), "2");
  assert.equal(await text('[data-section="guests"] [data-name="max_participants"]'), "no limit");
  await press("Edit", '[data-section="guests"]');
  await type('#modal [name="access"]', "password");
  await says("A room for people who know the password needs one", "#modal");
  await type('#modal [name="password"]', "open sesame");
  await type('#modal [name="max_participants"]', "12");
  await press("Save", "#modal");
  await soon("the settings", () => ap.sections.guests.access === "password");
  assert.equal(ap.sections.guests.password, "open sesame");
  assert.equal(ap.sections.guests.max_participants, "12");
  fine();
});

test("settings: tabs", options, async (t) => {
  const { page, fine } = await open(t, "view.umbrella.settings");
  assert.deepEqual(await page.$$eval("main legend", (all) => all.map((node) => node.textContent)), ["General", "Network", "HTTPS", "Relay and proxies", "Advanced"]);
  assert.equal(await page.$$eval("main label", (all) => all.filter((node) => !node.closest("[data-tab]")).length), 0, "every option is in a tab");
  fine();
});

// LuCI shows what is wrong with a field only while the mouse is over it.
test("settings: a form says all that is wrong, at the fields", options, async (t) => {
  const { ap, page, press, type, fine } = await open(t, "view.umbrella.settings");
  for (const name of ["max_rooms", "prefix", "public_address"]) await type(`[name="${name}"]`, "not /this");
  await press("Save", "main");
  const problems = () => page.$$eval(".umbrella-problem", (all) => all.filter((node) => node.textContent).map((node) => [node.parentNode.querySelector("[name]").getAttribute("name"), node.textContent]));
  await soon("three problems", async () => (await problems()).length === 3);
  assert.deepEqual((await problems())[0], ["max_rooms", "Expecting: a whole number from 0 (no limit) to 10000"]);
  assert.equal(ap.sections.main.max_rooms, undefined);
  for (const name of ["max_rooms", "prefix", "public_address"]) await type(`[name="${name}"]`, "");
  await soon("no problem", async () => (await problems()).length === 0);
  fine();
});

test("settings: ports that collide, and what belongs to a choice", options, async (t) => {
  const { ap, says, press, type, page, fine } = await open(t, "view.umbrella.settings");
  await type('[name="media_port"]', "8081");
  await says("The port is that of “Web address” as well");
  await type('[name="media_port"]', "8090");
  assert.equal(await page.$eval('[name="cert"]', (input) => input.closest("label").hidden), true);
  await type('[name="tls"]', "files");
  assert.equal(await page.$eval('[name="cert"]', (input) => input.closest("label").hidden), false);
  await type('[name="tls"]', "auto");
  await press("Save", "main");
  await soon("the settings", () => ap.sections.main.media_port === "8090");
  assert.equal(ap.sections.main.tls, undefined);
  fine();
});

// The rows of the log, each as its cells.
const logRows = (page) => page.$$eval("#umbrella-log tbody tr", (all) => all.map((row) => [...row.cells].slice(1).map((cell) => cell.innerText.trim())));

test("log: the node's lines alone, in columns", options, async (t) => {
  const { page, type, text, ap, fine } = await open(t, "view.umbrella.log", (ap) => {
    const lines = [line(1, 30, "umbrellad[7]: all is well"), line(2, 27, "umbrellad[7]: a failure"), line(3, 27, "other[1]: not ours"), line(4, 27, "umbrella: settings are wrong"), line(5, 29, "procd: Instance umbrella::umbrella s in a crash loop")];
    ap.answers["log.read"] = () => ({ log: lines });
  });
  assert.deepEqual(await logRows(page), [
    ["info", "node", "all is well"],
    ["error", "node", "a failure"],
    ["error", "start script", "settings are wrong"],
    ["notice", "procd", "Instance umbrella::umbrella s in a crash loop"],
  ]);
  await type("#umbrella-least", "3");
  assert.equal((await logRows(page)).length, 2);
  await type("#umbrella-words", "WRONG");
  assert.deepEqual(await logRows(page), [["error", "start script", "settings are wrong"]]);
  await type("#umbrella-words", "nowhere");
  assert.ok((await text()).includes("No line of the log matches."));
  delete ap.answers["log.read"];
  await page.evaluate(() => window.pollOnce());
  assert.match(await text(), /could not be read/);
  fine();
});

test("log: levels, parts and attributes of the node's lines", options, async (t) => {
  const at = "time=2026-11-23T21:37:38.509Z";
  const { page, type, fine } = await open(t, "view.umbrella.log", (ap) => {
    const lines = [`${at} level=INFO msg=joined room=a participant=p1`, `${at} level=WARN msg="camera is \\"down\\"" camera=door room=main reason="no answer"`, `${at} level=ERROR msg=failed`, `${at} level=DEBUG msg=detail trunk=cloud`, "panic: level=INFO"];
    ap.answers["log.read"] = () => ({ log: lines.map((words, i) => line(i, 27, `umbrellad[7]: ${words}`)) });
  });
  assert.deepEqual(await logRows(page), [
    ["info", "participant p1", "joined room=a"],
    ["warning", "camera door", 'camera is "down" room=main reason=no answer'],
    ["error", "node", "failed"],
    ["debug", "trunk cloud", "detail"],
    ["error", "node", "panic: level=INFO"],
  ]);
  await type("#umbrella-least", "6");
  assert.equal((await logRows(page)).length, 4);
  await type("#umbrella-least", "4");
  assert.equal((await logRows(page)).length, 3);
  await type("#umbrella-least", "3");
  assert.equal((await logRows(page)).length, 2);
  fine();
});

// Whoever scrolls up reads on while lines come; who follows sees the newest. The file
// has every line as it is in the system log, whatever the page shows.
test("log: follow, and a download of the whole", options, async (t) => {
  const lines = Array.from({ length: 300 }, (_, i) => line(i, 27, `umbrellad[7]: level=INFO msg="line ${i}"`));
  const { page, type, press, fine } = await open(t, "view.umbrella.log", (ap) => {
    ap.answers["log.read"] = () => ({ log: lines });
  });
  const fromEnd = () => page.$eval("#umbrella-log", (box) => Math.round(box.scrollHeight - box.clientHeight - box.scrollTop));
  const more = async () => {
    lines.push(line(lines.length, 27, `umbrellad[7]: level=INFO msg="line ${lines.length}"`));
    await page.evaluate(() => window.pollOnce());
  };
  await more();
  assert.ok((await fromEnd()) < 5);
  await page.$eval("#umbrella-follow", (box) => box.click());
  await page.$eval("#umbrella-log", (box) => (box.scrollTop = 100));
  await more();
  assert.equal(await page.$eval("#umbrella-log", (box) => box.scrollTop), 100);
  assert.equal((await logRows(page)).length, 302);
  await type("#umbrella-words", "line 7");
  await page.evaluate(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => ((window.saved = blob.text()), make.call(URL, blob));
  });
  await press("Download", "main");
  const saved = (await page.evaluate(() => window.saved)).trim().split("\n");
  assert.equal(saved.length, 302);
  assert.match(saved[5], /^\d{4}-\d\d-\d\dT\S+ umbrellad\[7\]: level=INFO msg="line 5"$/);
  fine();
});

test("log: long lines on a phone", options, async (t) => {
  const words = `reason="${"it does not answer ".repeat(20)}" fingerprint=${"5A:".repeat(31)}5A`;
  const { page, fine } = await open(t, "view.umbrella.log", (ap) => {
    ap.answers["log.read"] = () => ({ log: [line(0, 27, `umbrellad[7]: level=WARN ${words}`)] });
  });
  for (const width of [320, 390]) {
    await page.setViewport({ width, height: 844 });
    const [whole, room] = await page.$eval("#umbrella-log", (box) => [box.scrollWidth, box.clientWidth]);
    assert.ok(whole <= room, `a line is ${whole} pixels wide, and there are ${room}`);
  }
  fine();
});

test("the card of the status page", options, async (t) => {
  const { text, fine } = await open(t, "view.status.include.70_umbrella");
  const shown = await text();
  for (const words of ["2 (rooms: 1)", "1 of 1 connected", "1 of 1 down: <b>Door</b>", "https://192.168.1.1:8081/sfu"]) {
    assert.ok(shown.includes(words), `"${words}" is not in\n${shown}`);
  }
  fine();
});
