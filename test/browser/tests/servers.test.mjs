// The admin page: a trunk between two daemons is added, is down with a reason in
// words, is put right, carries a call, and is removed.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { accessible } from "../lib/axe.mjs";
import { Daemon } from "../lib/daemon.mjs";
import { house } from "../lib/harness.mjs";
import { until } from "../lib/wait.mjs";

const secret = "a-secret-between-the-two";
const settings = "# written by hand\nconfig umbrella 'main'\n\toption log_level 'info' # as ever\n";
const { daemon, scene } = await house({ uci: settings });
const hub = await Daemon.start({ uci: `config umbrella 'main'\nconfig backhaul 'in'\n\toption secret '${secret}'\n` });
after(() => hub.close());

const shots = process.env.UMBRELLA_SHOTS;

scene("trunks on /servers", 300, async ({ person, step }) => {
  const ada = await person("Ada", { width: 1280, height: 800 });
  const { page } = ada;
  const file = () => readFile(path.join(daemon.dir, "config/umbrella"), "utf8");
  const shot = async (name) => {
    if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
  };
  const fill = async (name, text) => {
    await page.$eval(`dialog input[name="${name}"]`, (field) => field.select());
    await page.type(`dialog input[name="${name}"]`, text);
  };
  const stateIs = (state) =>
    until(`the trunk is ${state}`, 30_000, 100, () =>
      page.evaluate((s) => document.querySelector('tr[data-trunk="hub"]')?.dataset.state === s, state),
    );
  /** The page moves the focus once it has drawn itself anew. */
  const focused = (is) => page.waitForFunction(`(${is})(document.activeElement)`, { timeout: 5_000 });
  /** Both schemes, both sizes, and a picture of each. */
  const look = async (what) => {
    for (const [name, width, height] of [
      ["desktop", 1280, 800],
      ["phone", 360, 740],
    ]) {
      await page.setViewport({ width, height });
      await accessible(ada, `${what}, ${name}`);
      await shot(`${what}-${name}`);
    }
    await page.setViewport({ width: 1280, height: 800 });
  };

  await step("says that there is none", async () => {
    await page.goto(daemon.url("/servers"));
    await ada.says("There is no trunk yet.");
    await look("servers-none");
  });

  await step("tells what is wrong with what was typed, where it was typed", async () => {
    await ada.press("Add a trunk");
    await fill("name", "hub");
    await ada.press("Add");
    await ada.says("Which node is to be dialled?");
    await ada.says("Both nodes need the same secret.");
    await focused((element) => element.name === "url");
    await fill("url", "https://hub/");
    await fill("secret", "short");
    await ada.press("Add");
    await ada.says("‘https://hub/’ is not allowed".replaceAll(/[‘’]/g, "'"));
    await ada.says("16 to 256 characters");
    await focused((element) => element.name === "url");
    assert.equal(await file(), settings);
    await look("servers-form");
    // The browser itself writes answers such as this one to the console.
    ada.complaints = ada.complaints.filter((c) => !c.includes("422"));
  });

  await step("adds it, and says why it is down", async () => {
    const ca = new X509Certificate(await readFile(hub.caFile));
    await fill("url", hub.url("/wsb").replace("https:", "wss:"));
    await fill("fingerprint", ca.fingerprint256);
    await ada.press("Make one");
    assert.match(await page.$eval('dialog input[name="secret"]', (field) => field.value), /^[\w-]{32}$/);
    await ada.press("Add");
    await ada.says("The trunk hub was added.");
    await stateIs("down");
    await ada.says("secret");
    await ada.says("Tried again in");
    const text = await file();
    assert.ok(text.startsWith(`${settings}\nconfig backhaul 'hub'\n`), text);
    await look("servers-down");
  });

  await step("says at the other end who was turned down", async () => {
    const bob = await person("Bob", { launch: { caFile: hub.caFile } });
    await bob.page.goto(hub.url("/servers"));
    await bob.says("Waiting");
    await bob.says("Turned down lately");
  });

  await step("connects it when it is put right, by the keyboard alone", async () => {
    await page.focus('button[aria-label="Change hub"]');
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]");
    await fill("secret", secret);
    await page.keyboard.press("Enter");
    await ada.says("The trunk hub was changed.");
    await stateIs("connected");
    await focused((element) => element.getAttribute("aria-label") === "Change hub");
    assert.ok(!(await page.content()).includes(secret), "the page shows the secret");
  });

  await step("carries a call, in which tiles say where people are", async () => {
    const eve = await person("Eve", { launch: { caFile: hub.caFile } });
    const zoe = await person("Zoe");
    await eve.join(hub, "den");
    await zoe.join(daemon, "den");
    await zoe.meets(["Eve"]);
    const label = await zoe.page.$eval('[data-participant-name="Eve"]', (tile) => tile.getAttribute("aria-label"));
    assert.ok(label.startsWith(`Eve, at ${hostname()}`), label);
    await zoe.says(`at ${hostname()}`);
    if (shots) await zoe.page.screenshot({ path: path.join(shots, "call.png") });
    const marked = (what) => async () => (await zoe.tiles()).some((tile) => tile.name === "Eve" && tile[what]);
    await until("Eve is marked as speaking beyond the trunk", 15_000, 50, marked("speaking"));
    await eve.press("Mute microphone");
    await until("Eve is marked as muted beyond the trunk", 10_000, 100, marked("muted"));
    await eve.press("Chat");
    await eve.type("textarea", "Over the trunk 🍲");
    await eve.page.keyboard.press("Enter");
    await zoe.press("Chat");
    await zoe.says("Over the trunk 🍲");
    await until("something crosses", 20_000, 250, () =>
      page.evaluate(() => /stream/.test(document.querySelector('tr[data-trunk="hub"] [data-name="Received"]').innerText)),
    );
    await look("servers-connected");
    await page.goto(daemon.url("/status"));
    await until("the picture", 10_000, 100, () =>
      page.evaluate(() => /connected by the trunk hub, .*: Eve\./.test(document.querySelector(".topology svg")?.getAttribute("aria-label") ?? "")),
    );
    await look("status-topology");
    await page.goto(daemon.url("/servers"));
  });

  await step("removes it when asked twice", async () => {
    await ada.press("Remove hub");
    await ada.says("Remove the trunk hub?");
    await look("servers-remove");
    await ada.press("Keep it");
    await stateIs("connected");
    await ada.press("Remove hub");
    await ada.press("Remove");
    await ada.says("The trunk hub was removed.");
    await ada.says("There is no trunk yet.");
    assert.equal(await file(), settings);
  });

  await step("adds, changes and removes rooms with rules of their own", async () => {
    const row = (name) => page.evaluate((name) => document.querySelector(`tr[data-room="${name}"]`)?.innerText ?? "", name);
    await ada.says("No room has rules of its own yet.");
    await ada.press("Add a room");
    await fill("name", "../etc");
    await fill("max_participants", "many");
    await ada.press("Add");
    await ada.says("3 fields need another look.");
    assert.deepEqual(await page.$$eval('dialog [aria-invalid="true"]', (fields) => fields.map((f) => f.name)), ["name", "password", "max_participants"]);
    await focused((element) => element.name === "name");
    await look("servers-room-problems");
    ada.complaints = ada.complaints.filter((c) => !c.includes("422"));
    await fill("name", "quiet-room");
    await fill("password", "hunter2");
    await fill("max_participants", "4");
    await ada.press("Add");
    await ada.says("The room quiet-room was added.");
    assert.match(await row("quiet-room"), /With a password/);
    assert.match(await file(), /config room 'quiet_room'\n\toption name 'quiet-room'\n\toption password '\$argon2id\$/);
    await look("servers-rooms");
    await ada.press("Change quiet-room");
    await ada.says("One is stored. Leave this empty to keep it.");
    await look("servers-room-form");
    await page.select('dialog select[name="access"]', "token");
    await ada.says("The stored password is removed when you save.");
    await fill("name", "board");
    await ada.press("Save");
    await ada.says("The room quiet-room was changed.");
    assert.match(await row("board"), /By invitation/);
    assert.ok(!(await file()).includes("argon2id"));
    assert.ok(!(await page.content()).includes("hunter2"));
    await ada.press("Remove board");
    await ada.says("Remove the room board?");
    await ada.press("Remove");
    await ada.says("The room board was removed.");
    assert.equal(await file(), settings);
  });
});
