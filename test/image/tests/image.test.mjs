// The image as deploy/compose.yaml runs it: who it is, a call through it, and what
// stays when it is replaced.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { TestBrowser } from "../../browser/lib/browser.mjs";
import { Person } from "../../browser/lib/call.mjs";
import { outside } from "../../browser/lib/outside.mjs";
import { until } from "../../browser/lib/wait.mjs";
import { Container } from "../lib/container.mjs";

const user = "65532";
const box = await Container.make(process.env.IMAGE_NAME, { UMBRELLA_PUBLIC_IP: outside() });
const browser = await TestBrowser.launch("chromium");
after(async () => {
  await browser.close();
  await box.close();
});

/** Links lead to a proxy, and here there is none. */
const here = (link) => link.replace(/^https:\/\/[^/]+/, `http://127.0.0.1:${box.port}`);

/** Ended as it should, with nothing bad in the log. */
function wellEnded({ code, log }) {
  assert.equal(code, 0, log);
  assert.doesNotMatch(log, /panic:|level=ERROR/);
  return log;
}

test("the image in a container", { timeout: 300_000 }, async (t) => {
  const people = [];
  let failed = false;
  const step = (name, act) =>
    t.test(name, { skip: failed && "an earlier part failed" }, async () => {
      try {
        await act();
      } catch (error) {
        failed = true;
        console.error(`the container's log:\n${await box.log().catch(String)}`);
        throw error;
      }
    });

  await step("becomes healthy, as a user who may do nothing else", async () => {
    await box.run();
    const { Config, HostConfig, State } = await box.inspect();
    assert.equal(Config.User, `${user}:${user}`);
    assert.equal(HostConfig.ReadonlyRootfs, true);
    const status = await readFile(`/proc/${State.Pid}/status`, "utf8").catch(() => "");
    // Docker elsewhere than on this machine has processes elsewhere.
    if (status) {
      assert.match(status, new RegExp(`^Uid:(\\s+${user}){4}$`, "m"));
      assert.match(status, /^CapEff:\s+0+$/m);
      assert.match(status, /^CapBnd:\s+0+$/m);
      assert.match(status, /^NoNewPrivs:\s+1$/m);
    }
    const others = (await box.files("/umbrellad")).concat(await box.files("/usr"), await box.files("/etc/ssl"));
    for (const line of others) assert.match(line, /^[-d]r[-w](x|-)r-\1r-\1 0\/0 /, "not root's, or not for all to read");
  });

  await step("carries a call", async () => {
    const link = here(await box.umbrellad("token", "-room", "attic"));
    for (const name of ["Ada", "Bob"]) {
      const one = await Person.open(browser, name);
      people.push(one);
      await one.page.goto(link, { waitUntil: "load" });
      await one.ready();
      await one.type('input[name="name"]', name);
      await one.press("Join");
      await one.state("joined");
    }
    const [ada, bob] = people;
    await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);
  });

  await step("reads its settings anew when told to", async () => {
    const open = `http://127.0.0.1:${box.port}/sfu/stage`;
    const eve = await Person.open(browser, "Eve");
    const enter = async () => {
      await eve.page.goto(open, { waitUntil: "load" });
      await eve.type('input[name="name"]', "Eve");
      await eve.press("Just watch");
    };
    await enter();
    await eve.says("invitation");
    await box.configure("config room\n\toption name 'stage'\n\toption access 'open'\n");
    await box.kill("HUP");
    await until("the settings are applied", 20_000, 100, async () => (await box.log()).includes("settings applied"));
    await enter();
    await eve.state("joined");
    await eve.close();
  });

  await step("keeps its state, and the call, when another takes its place", async () => {
    const link = here(await box.umbrellad("token", "-room", "attic"));
    const state = await box.files("/var/lib/umbrella");
    assert.ok(state.length > 1, state);
    for (const line of state) assert.match(line, new RegExp(`^[-d]rw[x-]------ ${user}/${user} `));
    for (const one of people) {
      one.outage = true;
      await one.remember();
    }
    assert.match(wellEnded(await box.end()), /admin password made: .* password=/);
    await box.run();
    const [ada, bob] = people;
    for (const one of people) await until(`${one.name} is back`, 45_000, 100, () => one.renewed());
    await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);
    const eve = await Person.open(browser, "Eve");
    people.push(eve);
    await eve.page.goto(link, { waitUntil: "load" });
    await eve.type('input[name="name"]', "Eve");
    await eve.press("Just watch");
    await eve.state("joined");
    await eve.meets(["Ada", "Bob"]);
  });

  await step("ends when told to", async () => {
    const complaints = people.flatMap((one) => one.complaints);
    assert.deepEqual(complaints, []);
    assert.doesNotMatch(wellEnded(await box.end()), /admin password made/);
  });
});
