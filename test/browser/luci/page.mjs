// A page with a view of the LuCI app, and what people do in it.
import assert from "node:assert/strict";
import { until } from "../lib/wait.mjs";
import { AccessPoint } from "./server.mjs";

export const soon = (what, ask) => until(what, 10_000, 50, ask);

/**
 * Opens a view of an access point whose node runs; both are closed after the test.
 *
 * @param {import("../lib/browser.mjs").TestBrowser} browser
 * @param {import("node:test").TestContext} t
 * @param {string} view its module
 * @param {(ap: AccessPoint) => void} change gives the access point settings and answers
 * @param {(page: import("puppeteer-core").Page) => Promise<void>} [prepare] the empty page
 */
export async function openView(browser, t, view, change, prepare = async () => {}) {
  const ap = await AccessPoint.start();
  ap.answers = {
    "rc.list": () => ({ umbrella: { enabled: true, running: true } }),
    "file.read": () => null,
    "umbrella.kick": () => ({}),
  };
  change(ap);
  const page = await browser.browser.newPage();
  await prepare(page);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  t.after(async () => {
    await page.close();
    await ap.close();
  });
  await page.goto(ap.url);
  await page.evaluate((readOnly) => (window.readOnly = readOnly), ap.readOnly);
  await page.evaluate((name) => window.openView(name), view);
  const text = (selector = "body") => page.$eval(selector, (node) => node.innerText);
  return {
    ap,
    page,
    text,
    says: (words, selector) => soon(`"${words}"`, async () => (await text(selector)).includes(words)),
    press: (words, within = "body") =>
      page.$eval(
        within,
        (node, wanted) => {
          const button = [...node.querySelectorAll("button")].find((b) => b.textContent.trim() === wanted);
          if (!button) throw new Error(`there is no button "${wanted}"`);
          button.click();
        },
        words,
      ),
    type: (selector, value) =>
      page.$eval(
        selector,
        (node, to) => {
          node.value = to;
          node.dispatchEvent(new Event("input", { bubbles: true }));
          node.dispatchEvent(new Event("change", { bubbles: true }));
        },
        value,
      ),
    called: (name) => ap.calls.filter(([n]) => n === name).map(([, values]) => values),
    /** Nothing went wrong that nobody looked at. */
    fine: () => {
      assert.deepEqual(complaints, []);
      assert.deepEqual(ap.denied, []);
    },
  };
}
