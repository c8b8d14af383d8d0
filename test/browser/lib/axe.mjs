// Looks at a page as people do who see little, or on a small screen.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { sleep } from "./wait.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Fails where axe finds something in the page as it is now, in light or in
 * dark, and where it is wider than the screen.
 *
 * @param {import("./call.mjs").Person} person
 * @param {string} what the page is, for the message
 */
export async function accessible({ page }, what) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: scheme },
      { name: "prefers-reduced-motion", value: "reduce" },
    ]);
    await sleep(300); // colours change softly
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
      return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`);
    });
    assert.deepEqual(found, [], `axe, ${what}, ${scheme}`);
    const [content, screen] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    assert.ok(content <= screen, `${what} is ${content} px wide, the screen ${screen}`);
  }
}
