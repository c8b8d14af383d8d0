// What each file of tests has: one daemon, the browsers it asks for, and what
// there is to look at where a test failed.
import { after, test } from "node:test";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { TestBrowser } from "./browser.mjs";
import { Person } from "./call.mjs";
import { Daemon } from "./daemon.mjs";

const failures = fileURLToPath(new URL("../fail/", import.meta.url));

/**
 * Starts a daemon, and ends it and all browsers after the file's tests.
 *
 * @param {object} [options] of the Daemon
 */
export async function house(options) {
  const daemon = await Daemon.start(options);
  const browsers = new Map();
  let shown = 0;

  /** The browser of a kind, started when first asked for. */
  function browser(kind = "chromium", launch = {}) {
    const key = kind + JSON.stringify(launch);
    if (!browsers.has(key)) browsers.set(key, TestBrowser.launch(kind, { caFile: daemon.caFile, ...launch }));
    return browsers.get(key);
  }

  /**
   * A test with people in it. They go when it ends; whatever their pages
   * complained of fails it.
   *
   * @param {string} name
   * @param {number} seconds that it may take
   * @param {(scene: { person: Function, step: Function }) => Promise<void>} act
   *   gets person(name, options), who has a page of their own, and
   *   step(name, act), a part of the test under a name of its own
   */
  function scene(name, seconds, act) {
    test(name, { timeout: seconds * 1000 }, async (t) => {
      const people = [];
      async function person(who, { kind = "chromium", launch, ...page } = {}) {
        const made = await Person.open(await browser(kind, launch), who, page);
        people.push(made);
        return made;
      }
      // After a part that failed the next ones would only fail by it.
      let failed = false;
      const step = (part, actPart) =>
        t.test(part, { skip: failed && "an earlier part failed" }, async () => {
          try {
            await actPart();
          } catch (error) {
            failed = true;
            await keep(`${name} ${part}`, people);
            throw error;
          }
        });
      try {
        await act({ person, step });
        const complaints = people.flatMap((one) => one.complaints);
        if (complaints.length > 0) throw new Error(`the pages complained:\n${complaints.join("\n")}`);
      } catch (error) {
        await keep(name, people);
        throw error;
      } finally {
        await Promise.all(people.map((one) => one.close().catch(() => {})));
      }
    });
  }

  // Pictures and the log, for who looks into a failure.
  async function keep(name, people) {
    await mkdir(failures, { recursive: true });
    const stem = name.replaceAll(/\W+/g, "-");
    for (const one of people) {
      await one.page.screenshot({ path: `${failures}${stem}-${one.name}.png` }).catch(() => {});
    }
    await writeFile(`${failures}${stem}.log`, daemon.log);
    console.error(`the daemon's log:\n${daemon.log.slice(shown)}`);
    shown = daemon.log.length;
  }

  after(async () => {
    for (const one of browsers.values()) await one.then((b) => b.close()).catch(() => {});
    const how = await daemon.close();
    if (how !== 0) throw new Error(`the daemon ended with ${how}:\n${daemon.log}`);
    if (/panic:|level=ERROR/.test(daemon.log)) throw new Error(`the daemon's log:\n${daemon.log}`);
  });

  return { daemon, browser, scene };
}
