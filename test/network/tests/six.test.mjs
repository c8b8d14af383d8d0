// A local network with IPv6 alone: the node offers an address that phones can open, and
// they join from there.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { TestBrowser } from "../../browser/lib/browser.mjs";
import { Person } from "../../browser/lib/call.mjs";
import { until } from "../../browser/lib/wait.mjs";
import { AccessPoint } from "../lib/ap.mjs";

const { NET_PREFIX: prefix, NET_MISSING } = process.env;
const missing = prefix ? NET_MISSING : "the namespaces are made by test/network/run";
const ip = (line) => execFileSync("ip", line.split(" "), { stdio: ["ignore", "pipe", "inherit"] });

test("a call where there is IPv6 alone", { timeout: 90_000, skip: missing || false }, async (t) => {
  const far = `-n ${prefix}-far`;
  t.after(() => {
    for (const line of ["addr add 10.77.0.1/24 dev br-lan", `${far} addr add 10.77.0.3/24 dev eth0`, `${far} route add default via 10.77.0.1`]) ip(line);
    for (const line of ["addr del fd77::1/64 dev br-lan", `${far} addr del fd77::3/64 dev eth0`]) ip(line);
  });
  for (const line of ["addr flush dev br-lan", "addr add fd77::1/64 dev br-lan nodad", `${far} addr flush dev eth0`, `${far} addr add fd77::3/64 dev eth0 nodad`]) ip(line);

  const ap = await AccessPoint.start();
  const browser = await TestBrowser.launch("chromium", {
    caFile: ap.caFile,
    device: "fps=30",
    flags: ["--remote-debugging-pipe", `--netns=${prefix}-far`],
  });
  try {
    await until("the log names the address", 10_000, 50, () => ap.log.includes("Open "));
    assert.deepEqual(ap.log.match(/(?<=^Open ).*$/gm), ["https://[fd77::1]:8081/sfu"]);
    assert.deepEqual((await ap.status()).urls, ["https://[fd77::1]:8081/sfu"]);

    const people = [];
    for (const name of ["Ada", "Bilal"]) {
      const one = await Person.open(browser, name);
      people.push(one);
      await one.page.goto("https://[fd77::1]:8081/sfu/hall", { waitUntil: "load" });
      await one.ready();
      await one.type('input[name="name"]', name);
      await one.press("Join");
      await one.state("joined");
    }
    const [ada, bilal] = people;
    await until("both see and hear each other", 30_000, 200, async () => {
      const [a, b] = [(await ada.heard()).Bilal, (await bilal.heard()).Ada];
      return [a, b].every((heard) => heard?.frames > 30 && heard.audioPackets > 30);
    });
    const remote = (await ap.room()).participants.flatMap((p) => p.peerConnections.map((c) => c.remoteAddress));
    assert.ok(remote.length === 4 && remote.every((address) => address.includes("fd77::3")), String(remote));
    assert.deepEqual(people.flatMap((one) => one.complaints), []);
  } finally {
    await browser.close();
    assert.equal(await ap.close(), 0, ap.log);
  }
});
