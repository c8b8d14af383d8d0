// What participants, devices, other nodes and settings say is text in the LuCI
// app, wherever it is shown and whatever is pressed: none of it runs as script in
// the session of whoever looks at it, and all of it is shown as it was said.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { TestBrowser } from "../lib/browser.mjs";
import { openView, soon } from "../luci/page.mjs";

const browser = await TestBrowser.launch("chromium", { device: null });
after(() => browser.close());

const options = { timeout: 60_000 };
const now = 1_790_000_000_000;

// Words that run script where they are taken for HTML, once or after LuCI decoded
// them. They have no blanks, so that addresses may have them, too.
const entities = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" };
const escape = (text) => text.replace(/[&<>"']/g, (c) => `&${entities[c]};`);
const forms = {
  "as HTML": (place) => `"'><img/src="x"onerror="ran('${place}')">`,
  escaped: (place) => escape(`<img/src="x"onerror="ran('${place}')">`),
  "escaped twice": (place) => escape(escape(`<img/src="x"onerror="ran('${place}')">`)),
};

// In the page: notes what became an element, what ran, and what is shown as text.
function watch() {
  window.became = [];
  window.ranAt = [];
  window.shown = new Set();
  window.ran = (place) => window.ranAt.push(place);
  const look = (node) => {
    if (node.nodeType === Node.TEXT_NODE) window.shown.add(node.data);
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    if (node.hasAttribute("onerror")) window.became.push(node.outerHTML);
    if (typeof node.value === "string") window.shown.add(node.value);
    node.childNodes.forEach(look);
  };
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(look))).observe(document, { childList: true, subtree: true });
}

/** A test of a view with each form of hostile words. */
function hostile(name, view, change, act) {
  for (const [form, evil] of Object.entries(forms)) {
    test(`${name}: words ${form}`, options, async (t) => {
      const opened = await openView(browser, t, view, (ap) => change(ap, evil), (page) => page.evaluateOnNewDocument(watch));
      const { page } = opened;
      /** Everything was shown, and nothing of it ran. */
      async function harmless(...places) {
        const { became, ranAt } = await page.evaluate(async () => {
          const images = [...document.images].filter((image) => !image.complete);
          await Promise.all(images.map((image) => new Promise((done) => image.addEventListener("error", done))));
          return { became, ranAt };
        });
        assert.deepEqual({ became, ranAt }, { became: [], ranAt: [] }, "words became elements, and ran as script");
        const shown = [...(await page.evaluate(() => [...window.shown]))].join("\n");
        assert.deepEqual(places.filter((place) => !shown.includes(evil(place))), [], `is not shown as it was said; that is\n${shown}`);
        assert.deepEqual(await page.$$eval("a", (all) => all.map((a) => a.protocol).filter((p) => p !== "http:" && p !== "https:")), []);
      }
      await act(opened, evil, harmless);
      opened.fine();
    });
  }
}

const section = (type, name, values) => ({ [name]: { ".type": type, ".name": name, ".anonymous": false, ...values } });
const settings = (...sections) => Object.assign(section("umbrella", "main", { enabled: "1" }), ...sections);

const camera = (evil) => ({
  id: "door",
  name: evil("camera"),
  room: evil("camera-room"),
  phase: "CAMERA_PHASE_DOWN",
  trouble: { reason: evil("reason"), advice: evil("advice") },
  streams: [{ video: evil("video"), sound: evil("sound"), transport: evil("transport"), notes: [{ reason: evil("note"), advice: evil("note-advice") }] }],
});
const trunks = (evil) => [
  { name: "cloud", url: evil("trunk-address"), links: [{ nodeName: evil("far-node"), roundTripMs: 5, refused: evil("link-refused") }] },
  { name: evil("trunk"), url: "wss://b.example.org/wsb", problem: evil("trunk-problem"), links: [] },
];
const status = (evil) => ({
  version: evil("version"),
  nodeName: evil("node"),
  startedAtMs: now - 1000,
  nowMs: now,
  urls: [`javascript:ran('address')`, evil("address"), "https://192.168.1.1:8081/sfu"],
  rooms: [
    {
      name: evil("room"),
      participants: [
        { id: "p1", name: evil("participant"), kind: "PARTICIPANT_KIND_PERSON", joinedAtMs: now },
        { id: "p2", name: "Bob", kind: evil("kind"), joinedAtMs: now, nodeId: "n2", nodeName: evil("participant-node") },
      ],
    },
  ],
  process: { shortOfMemory: true, shortOfMemoryReason: evil("memory") },
  problems: [evil("problem")],
  trunks: trunks(evil),
  refusedTrunks: [{ atMs: now, address: evil("turned-down"), problem: evil("turned-down-why") }],
  cameras: [camera(evil)],
});

/** Settings, and a node that says hostile words in everything. */
const answers = (sections) => (ap, evil) => {
  ap.sections = settings(sections?.(evil) ?? {});
  Object.assign(ap.answers, {
    "file.read": () => ({ data: evil("refused") }),
    "umbrella.status": () => status(evil),
    "umbrella.trunks": () => ({ trunks: trunks(evil) }),
    "umbrella.cameras": () => ({ cameras: [camera(evil)] }),
    "umbrella.kick": () => {
      throw new Error(evil("kick-failed"));
    },
    "umbrella.probe": () => ({ text: evil("probe"), plays: true }),
    "log.read": () => ({ log: [{ id: 1, priority: 27, time: now, msg: `umbrellad[7]: ${evil("log")}` }] }),
  });
};

const cameraPlaces = ["reason", "advice", "note", "note-advice"];
const trunkPlaces = ["far-node", "link-refused", "trunk-problem"];

hostile("overview", "view.umbrella.overview", answers(), async ({ press, says, page }, evil, harmless) => {
  const all = ["memory", "problem", "version", "node", "room", "participant", "participant-node", "trunk-address", "trunk", "turned-down", "turned-down-why", "camera", "camera-room", "video", "sound", "transport"];
  await harmless("refused", ...all, ...trunkPlaces, ...cameraPlaces);
  await press("Remove", "main");
  await says("leaves the room", "#modal");
  await harmless();
  assert.equal(await page.$eval("#modal h4", (title) => title.textContent), `Remove ${evil("participant")}?`);
  await press("Remove", "#modal");
  await soon("a notification", () => page.$(".notification"));
  await harmless("kick-failed");
});

hostile("the card of the status page", "view.status.include.70_umbrella", answers(), (opened, evil, harmless) => harmless("camera"));

hostile(
  "trunks",
  "view.umbrella.trunks",
  answers((evil) => section("backhaul", "cloud", { url: `wss://sfu.example.org/${evil("url")}/wsb`, secret: evil("secret"), fingerprint: evil("fingerprint"), ca: evil("ca"), room: [evil("trunk-room")] })),
  async ({ press, page, type, says }, evil, harmless) => {
    await harmless("refused", "url", "trunk-room", "far-node", "link-refused");
    await press("Edit", '[data-section="cloud"]');
    await soon("the form", () => page.$('#modal [name="url"]'));
    await harmless("url", "secret", "fingerprint", "ca");
    await type('#modal [name="url"]', evil("typed"));
    await says("Expecting: wss://HOST/PATH/wsb");
    await harmless();
  },
);

hostile(
  "cameras: state and settings",
  "view.umbrella.cameras",
  answers((evil) => section("camera", "door", { name: evil("name"), room: evil("uci-room"), url: `rtsp://u:p@192.168.1.64/${evil("url")}`, substream: evil("substream"), transport: evil("transport") })),
  async ({ press, page }, evil, harmless) => {
    await harmless("refused", "name", "uci-room", "url", ...cameraPlaces);
    await press("Edit", '[data-section="door"]');
    await soon("the form", () => page.$('#modal [name="url"]'));
    await harmless("substream");
  },
);

hostile(
  "cameras: test",
  "view.umbrella.cameras",
  answers((evil) => section("camera", "door", { name: evil("name"), url: "rtsp://192.168.1.64/a" })),
  async ({ press, says, page, ap }, evil, harmless) => {
    await press("Test", '[data-section="door"]');
    await says("browsers show it", "#modal");
    await harmless("probe");
    assert.equal(await page.$eval("#modal h4", (title) => title.textContent), `Test of ${evil("name")}`);
    await press("Close", "#modal");
    ap.answers["umbrella.probe"] = () => {
      throw new Error(evil("probe-failed"));
    };
    await press("Test", '[data-section="door"]');
    await says("The node did not answer", "#modal");
    await harmless("probe-failed");
  },
);

hostile("cameras: discovered", "view.umbrella.cameras", answers(), async ({ press, says, type, page, ap }, evil, harmless) => {
  const found = { address: evil("device-address"), name: evil("device"), manufacturer: evil("maker"), model: evil("model") };
  const profiles = [
    { url: `rtsp://192.168.1.70/${evil("stream")}`, codec: evil("codec"), width: 640, height: 360, role: evil("role") },
    { url: "rtsp://192.168.1.70/b", codec: "H264", width: evil("width"), height: 360, name: evil("profile") },
  ];
  ap.answers["umbrella.discover"] = ({ user }) => ({ cameras: [{ ...found, ...(user ? { profiles } : { problem: evil("device-problem") }) }] });
  await press("Discover");
  await press("Search", "#modal");
  await says("Add", "#modal");
  await harmless("device", "device-address", "maker", "model", "device-problem");
  await type("#umbrella-user", evil("user"));
  await press("Search", "#modal");
  await says("H264", "#modal");
  await harmless("codec", "role", "profile");
  await press("Add", "#modal");
  await soon("the form", () => page.$('#modal [name="substream"]'));
  await harmless("stream");
  await press("Save", "#modal");
  await harmless();
  ap.answers["umbrella.discover"] = () => {
    throw new Error(evil("discover-failed"));
  };
  await press("Discover");
  await press("Search", "#modal");
  await says("The node did not answer", "#modal");
  await harmless("discover-failed");
});

hostile(
  "rooms",
  "view.umbrella.rooms",
  answers((evil) => ({
    ...section("room", "guests", { name: evil("name"), access: evil("access"), password: evil("password"), max_participants: evil("most") }),
    ...section("room", "hall", {}),
  })),
  async ({ press, page }, evil, harmless) => {
    await harmless("refused", "name", "access", "most");
    await press("Edit", '[data-section="guests"]');
    await soon("the form", () => page.$('#modal [name="name"]'));
    await harmless("password");
    // What could be HTML in the title of the window is not in it.
    assert.equal(await page.$eval("#modal h4", (title) => title.textContent), "Room");
    await press("Edit", '[data-section="hall"]');
    await soon("the other form", async () => (await page.$eval("#modal h4", (title) => title.textContent)) === "hall");
  },
);

const texts = ["listen", "prefix", "cert", "key", "acme_email", "acme_directory", "acme_http", "media_port", "max_rooms", "publish_limit", "admin_password", "token_key", "state_dir"];
const lists = ["acme_domain", "turn_url", "public_address", "trusted_proxy", "cors_origin"];
const choices = ["enabled", "tls", "turn", "wan", "access", "log_level"];

hostile(
  "settings",
  "view.umbrella.settings",
  answers((evil) =>
    section("umbrella", "main", {
      ...Object.fromEntries([...texts, ...choices].map((name) => [name, evil(name)])),
      ...Object.fromEntries(lists.map((name) => [name, [evil(name)]])),
    }),
  ),
  async ({ press }, evil, harmless) => {
    await harmless("refused", ...texts, ...lists);
    await press("Save", "main");
    await harmless();
  },
);

hostile("log", "view.umbrella.log", answers(), async ({ page, ap }, evil, harmless) => {
  const log = () => page.$eval("main", (node) => node.innerText);
  assert.ok((await log()).includes(evil("log")));
  ap.answers["log.read"] = () => {
    throw new Error(evil("log-failed"));
  };
  await page.evaluate(() => window.pollOnce());
  assert.ok((await log()).includes(evil("log-failed")));
  await harmless("refused");
});

// JavaScript's objects have these without being given them.
for (const name of ["constructor", "toString"]) {
  test(`a room named ${name}`, options, async (t) => {
    const change = (ap) => {
      ap.sections = settings(section("room", name, {}));
      ap.answers["umbrella.status"] = () => ({ rooms: [{ name: "__proto__", participants: [{ id: "p" }] }] });
    };
    const { page, text, fine, ap } = await openView(browser, t, "view.umbrella.rooms", change);
    const people = () => text(`[data-section="${name}"] [data-name="_people"]`);
    assert.equal(await people(), "0");
    ap.answers["umbrella.status"] = () => ({ rooms: [{ name, participants: [{ id: "p" }, { id: "q" }] }] });
    await page.evaluate(() => window.pollOnce());
    assert.equal(await people(), "2");
    fine();
  });
}
