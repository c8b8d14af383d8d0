// Chromium and Firefox as their users have them, with fake devices, and with
// the daemon's CA in their stores: no certificate error is overlooked anywhere.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import puppeteer from "puppeteer-core";

const run = promisify(execFile);

const chromiumFlags = [
  "--no-sandbox", // as root, in CI
  "--auto-accept-this-tab-capture",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-gpu",
  "--mute-audio",
];

const firefoxPreferences = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.loopback": true,
  // The fake picture; Firefox takes what comes nearest.
  "media.autoplay.default": 0,
  // Nothing is fetched from outside.
  "app.update.enabled": false,
  "browser.safebrowsing.update.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "media.gmp-manager.updateEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

/** @typedef {import("puppeteer-core").Browser} Browser */

export class TestBrowser {
  /** @type {Browser} */
  browser;
  #dir;

  /**
   * @param {"chromium" | "firefox"} kind
   * @param {object} [options]
   * @param {string} [options.caFile] certificate of the CA to trust
   * @param {string[]} [options.flags] more flags for Chromium
   * @param {string | null} [options.device] Chromium's fake devices, such as "fps=15"; null for none
   * @param {boolean} [options.allow] whether Chromium's pages may use them without being asked
   */
  static async launch(kind, { caFile, flags = [], device = "fps=20", allow = true } = {}) {
    const made = new TestBrowser();
    made.kind = kind;
    made.#dir = await mkdtemp(path.join(tmpdir(), `umbrella-${kind}-`));
    const profile = path.join(made.#dir, "profile");
    await mkdir(profile);
    const env = { ...process.env, HOME: made.#dir, XDG_CONFIG_HOME: "", XDG_DATA_HOME: "", MOZ_DISABLE_CONTENT_SANDBOX: "1" };
    if (caFile) {
      for (const store of kind === "chromium" ? [".pki/nssdb", ".local/share/pki/nssdb"] : ["profile"]) {
        await trust(path.join(made.#dir, store), caFile);
      }
    }
    try {
      made.browser =
        kind === "chromium"
          ? await puppeteer.launch({
              executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
              userDataDir: profile,
              args: [
                ...chromiumFlags,
                ...(device === null ? [] : [`--use-fake-device-for-media-stream=${device}`]),
                ...(allow ? ["--use-fake-ui-for-media-stream"] : []),
                ...flags,
              ],
              env,
              protocolTimeout: 120_000,
            })
          : await puppeteer.launch({
              browser: "firefox",
              executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
              userDataDir: profile,
              extraPrefsFirefox: firefoxPreferences,
              env,
              protocolTimeout: 120_000,
            });
    } catch (error) {
      await made.close();
      throw error;
    }
    return made;
  }

  async close() {
    await this.browser?.close();
    // The last of its processes may still be writing.
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

/** Puts a CA into a store of certificates, made where there is none. */
async function trust(store, caFile) {
  await mkdir(store, { recursive: true });
  await run("certutil", ["-N", "--empty-password", "-d", `sql:${store}`]);
  await run("certutil", ["-A", "-n", "Umbrella", "-t", "C,,", "-i", caFile, "-d", `sql:${store}`]);
}
