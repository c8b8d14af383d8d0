// As in the cloud: behind a proxy that does the TLS, below a path, rooms by
// invitation.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import https from "node:https";
import path from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";
import { binary, Daemon, freePorts } from "../lib/daemon.mjs";
import { house } from "../lib/harness.mjs";
import { nginx, upgrade } from "../lib/nginx.mjs";
import { outside } from "../lib/outside.mjs";

const prefix = "/calls";
const env = { UMBRELLA_CLOUD: "1", UMBRELLA_TLS: "off", UMBRELLA_PREFIX: prefix, UMBRELLA_TRUSTED_PROXY: "127.0.0.1" };
const { daemon, scene } = await house({ env });
const address = outside();
// The certificate that a node of its own makes does for nginx as well.
const other = await Daemon.start({ address: "" });
await other.stop();
after(() => other.close());
const { caFile } = other;
const state = path.dirname(caFile);
const [port] = await freePorts(1);
const behind = (options) =>
  nginx({
    prefix,
    to: `127.0.0.1:${daemon.port}`,
    certificate: path.join(state, "server.crt"),
    key: path.join(state, "server.key"),
    ...options,
  });
after(await behind({ port }));

/** A token of the daemon's, by its command line. */
async function token(...options) {
  const { stdout } = await promisify(execFile)(binary, ["token", ...options], {
    env: { ...env, UMBRELLA_PUBLIC_HOST: address, UMBRELLA_STATE_DIR: path.join(daemon.dir, "state") },
  });
  return stdout.trim();
}

/** One request through the proxy. */
async function ask(at, headers = {}) {
  const ca = await readFile(caFile);
  return new Promise((resolve, reject) => {
    https
      .get({ host: address, port, path: prefix + at, ca, headers: { accept: "application/json", ...headers }, agent: false }, (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (text) => (body += text));
        answer.on("end", () => resolve({ status: answer.statusCode, body }));
      })
      .on("error", reject);
  });
}

scene("a call behind nginx", 300, async ({ person, step }) => {
  const link = (await token("-room", "attic")).replace(`https://${address}`, `https://${address}:${port}`);
  const [ada, bob] = await Promise.all(["Ada", "Bob"].map((name) => person(name, { launch: { caFile } })));

  await step("without an invitation nobody comes in", async () => {
    await ada.page.goto(`https://${address}:${port}${prefix}/sfu/attic`, { waitUntil: "load" });
    await ada.type('input[name="name"]', "Ada");
    await ada.press("Just watch");
    await ada.says("invitation");
  });

  await step("with one they see and hear each other", async () => {
    assert.ok(link.startsWith(`https://${address}:${port}${prefix}/sfu/attic#token=`), link);
    for (const one of [ada, bob]) {
      await one.page.goto("about:blank");
      await one.page.goto(link, { waitUntil: "load" });
      await one.ready();
      await one.type('input[name="name"]', one.name);
      await one.press("Join");
      await one.state("joined");
      assert.equal(await one.page.evaluate(() => location.href), link.split("#")[0], "the token stays in the address bar");
    }
    await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);
  });

  await step("the node sees who they are, and believes nobody else", async () => {
    const admin = { authorization: `Bearer ${await token("-room", "*", "-rights", "admin")}` };
    const { status, body } = await ask("/status", admin);
    assert.equal(status, 200, body);
    const [attic] = JSON.parse(body).rooms;
    assert.deepEqual(
      attic.participants.map((one) => one.address),
      [address, address],
    );
    for (const forged of ["127.0.0.1", "127.0.0.1, 127.0.0.1", `${address}, 127.0.0.1`]) {
      assert.equal((await ask("/status", { "x-forwarded-for": forged })).status, 401, forged);
    }
    assert.equal((await ask("/healthz")).status, 200);
  });
});

scene("a proxy that does not pass on what it should", 120, async ({ person, step }) => {
  const ada = await person("Ada", { launch: { caFile } });
  for (const [what, headers, words] of [
    ["no Host (jech/galene#175)", upgrade, "proxy_set_header Host"],
    ["no Upgrade", ["Host $http_host"], "headers Upgrade and Connection"],
  ]) {
    await step(`${what}: the page says what to set`, async () => {
      const [odd] = await freePorts(1);
      after(await behind({ port: odd, headers }));
      await ada.page.goto(`https://${address}:${odd}${prefix}/sfu/attic`, { waitUntil: "load" });
      await ada.type('input[name="name"]', "Ada");
      await ada.press("Just watch");
      await ada.says(words);
    });
  }
  ada.complaints = ada.complaints.filter((c) => !/code: (403|426)|status of (403|426)/.test(c));
});
