// What each file of tests has: a daemon on the access point, a browser in each
// of the other namespaces, and what there is to look at where a test failed.
import { after, test } from "node:test";
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { TestBrowser } from "../../browser/lib/browser.mjs";
import { Person } from "../../browser/lib/call.mjs";
import { AccessPoint } from "./ap.mjs";
import { Link } from "./link.mjs";
import { coarseness } from "./series.mjs";
import { samplesSince } from "./watch.mjs";

const { NET_PREFIX: prefix, NET_MISSING } = process.env;
/** Why there are no namespaces; empty where there are. */
const missing = prefix ? NET_MISSING : "the namespaces are made by test/network/run";

const failures = fileURLToPath(new URL("../fail/", import.meta.url));

/** How the pages are opened: the picture is worth the largest encoding. */
const page = { quality: "standard", width: 1280, height: 800 };

/** Nothing was measured, as something else held the machine up. */
class Busy extends Error {}

/** What measure says; once more, up to three times in all, where the machine was too busy to measure. */
export async function calmly(measure, tell) {
  for (let tries = 1; ; tries++) {
    try {
      return await measure();
    } catch (error) {
      if (!(error instanceof Busy) || tries === 3) throw error;
      tell(`${error.message}; once more`);
    }
  }
}

/**
 * A test with an access point and people. What act does is given by the scene:
 *
 * - ap, the machine it runs on, and the links near and far;
 * - person(name, place, { watch }): somebody who has joined the room;
 * - step(name, act, skip): a part of the test, with a name of its own; act gets
 *   tell(text), which puts a line beside the result; skip says why it is left out;
 * - seen(person, milliseconds): what somebody's page sampled for so long.
 *
 * @param {string} name
 * @param {number} seconds that it may take
 * @param {(scene: object) => Promise<void>} act
 * @param {() => Promise<object>} [confine] makes the machine that it runs on
 */
export function scene(name, seconds, act, confine = anyMachine) {
  test(name, { timeout: seconds * 1000, skip: missing || false }, async (t) => {
    const links = { near: new Link("near"), far: new Link("far") };
    for (const link of Object.values(links)) await link.reset();
    const machine = await confine();
    const ap = await AccessPoint.start(machine);
    const browsers = new Map();
    const people = [];
    after(() => Promise.all([...browsers.values()].map(async (one) => (await one).close()))); // where a time limit ended it

    async function browser(place) {
      if (!browsers.has(place)) {
        const flags = ["--remote-debugging-pipe", `--netns=${prefix}-${place}`];
        browsers.set(place, TestBrowser.launch("chromium", { caFile: ap.caFile, device: "fps=30", flags }));
      }
      return browsers.get(place);
    }

    async function person(who, place, { watch = false } = {}) {
      const one = await Person.open(await browser(place), who, page);
      people.push(one);
      await one.page.goto(ap.page("/sfu/hall"), { waitUntil: "load" });
      if (!watch) await one.ready();
      await one.type('input[name="name"]', who);
      await one.press(watch ? "Just watch" : "Join");
      await one.state("joined");
      return one;
    }

    async function seen(one, milliseconds) {
      const samples = await samplesSince(one, Date.now() - milliseconds);
      const apart = coarseness(samples);
      if (apart > 500) throw new Busy(`the page of ${one.name} stood still for ${apart} ms: this machine is too busy to measure`);
      return samples;
    }

    let failed = false;
    const step = (part, actPart, skip = "") => {
      if (skip) process.stdout.write(`SKIPPED: ${name}, ${part}: ${skip}\n`);
      return t.test(part, { skip: skip || (failed && "an earlier part failed") }, async (t) => {
        try {
          await actPart((text) => t.diagnostic(text));
        } catch (error) {
          failed = true;
          throw error;
        }
      });
    };

    let bad = true;
    try {
      await act({ ap, machine, ...links, person, step, seen });
      const complaints = people.flatMap((one) => one.complaints);
      if (complaints.length > 0) throw new Error(`the pages complained:\n${complaints.join("\n")}`);
      bad = failed;
    } finally {
      if (bad) await keep(name, people, ap);
      for (const one of browsers.values()) await (await one).close();
      browsers.clear();
      const how = await ap.close();
      await machine.remove();
      if (how !== 0) throw new Error(`the daemon ended with ${how}:\n${ap.log}`);
      if (/panic:|level=ERROR/.test(ap.log)) throw new Error(`the daemon's log:\n${ap.log}`);
    }
  });
}

const anyMachine = async () => ({ remove: async () => {} });

// Pictures, samples, the status and the log, for who looks into a failure.
async function keep(name, people, ap) {
  await mkdir(failures, { recursive: true });
  const stem = failures + name.replaceAll(/\W+/g, "-");
  for (const one of people) {
    await one.page.screenshot({ path: `${stem}-${one.name}.png` }).catch(() => {});
    const samples = await samplesSince(one, 0).catch(() => []);
    await writeFile(`${stem}-${one.name}.jsonl`, samples.map((s) => JSON.stringify(s) + "\n").join(""));
  }
  await writeFile(`${stem}.log`, ap.log);
  await writeFile(`${stem}-status.json`, JSON.stringify(await ap.status().catch(String), null, 1));
  const [load] = loadavg();
  console.error(`what there is to see is in ${stem}*; the load was ${load.toFixed(1)} on ${availableParallelism()} CPUs`);
}
