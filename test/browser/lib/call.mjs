// One person with one page: what they press, and what they see and hear.
import { until } from "./wait.mjs";

/**
 * @typedef {object} Heard what comes from one participant
 * @property {number} energy totalAudioEnergy of the microphone
 * @property {number} audioPackets
 * @property {number} frames framesDecoded of the camera
 * @property {number} screenFrames framesDecoded of the screen
 * @property {number} width of the camera's last frame
 * @property {number} screenWidth
 */

export class Person {
  /** What the page complained of: console errors, exceptions, CSP violations. */
  complaints = [];

  /**
   * A fresh page. Each has storage of its own, as on a device of its own.
   *
   * @param {import("./browser.mjs").TestBrowser} browser
   * @param {object} [options]
   * @param {"standard" | "saving"} [options.quality] as if chosen in the settings before
   * @param {"VP8" | "H264" | "VP9" | "AV1"} [options.codec] likewise
   */
  static async open(browser, name, { quality = "saving", codec = "", width = 1000, height = 700, scale = 1 } = {}) {
    const person = new Person();
    person.name = name;
    person.context = await browser.browser.createBrowserContext();
    const page = await person.context.newPage();
    person.page = page;
    await page.setViewport({ width, height, deviceScaleFactor: scale });
    page.setDefaultTimeout(60_000);
    page.setDefaultNavigationTimeout(60_000);
    page.on("console", (message) => {
      // What is no page of ours, but a text, has no icon.
      const icon = message.location().url?.endsWith("/favicon.ico");
      if (message.type() === "error" && !icon && !person.#expected(message.text())) {
        person.complaints.push(`${name}: console: ${message.text()} (${message.location().url ?? ""})`);
      }
    });
    page.on("pageerror", (error) => {
      if (!person.#expected(error.message)) person.complaints.push(`${name}: exception: ${error.stack ?? error}`);
    });
    await page.evaluateOnNewDocument((quality, codec) => {
      addEventListener("securitypolicyviolation", (event) => {
        console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI || event.sample}`);
      });
      try {
        localStorage.setItem("umbrella.quality", quality);
        if (codec) localStorage.setItem("umbrella.codec", codec);
      } catch {
        // about:blank has no storage.
      }
    }, quality, codec);
    return person;
  }

  // A socket that cannot be opened is written to the console by the browser
  // itself; that is what those tests are about which take the node away.
  #expected(text) {
    // So is a page that asks for a login first.
    if (this.stranger && /status of 401/.test(text)) return true;
    return this.outage && /websocket|can.t establish a connection|ERR_CONNECTION|ERR_INTERNET|interrupted while the page was loading/i.test(text);
  }

  /** The lobby of a room. */
  async visit(daemon, room, port = daemon.port) {
    const answer = await this.page.goto(`https://127.0.0.1:${port}/sfu/${room}`, { waitUntil: "load" });
    if (answer && ![200, 304].includes(answer.status())) throw new Error(`/sfu/${room}: ${answer.status()}`);
    await this.page.waitForSelector('input[name="name"]');
  }

  async type(selector, text) {
    await this.page.waitForSelector(selector);
    await this.page.$eval(selector, (field) => field.select());
    await this.page.type(selector, text);
  }

  /** Waits until the camera and the microphone are there. */
  async ready() {
    await this.page.waitForFunction(
      () => {
        const picture = document.querySelector("video.preview-video");
        return picture && picture.videoWidth > 0;
      },
      { timeout: 60_000 },
    );
  }

  /** From nothing into the call, by the lobby. */
  async join(daemon, room, { watch = false, port = daemon.port } = {}) {
    await this.visit(daemon, room, port);
    if (!watch) await this.ready();
    await this.type('input[name="name"]', this.name);
    await this.press(watch ? "Just watch" : "Join");
    await this.state("joined");
  }

  /** Presses a button by its accessible name. */
  async press(name) {
    await this.page.locator(`::-p-aria([name="${name}"][role="button"])`).setTimeout(45_000).click();
  }

  /** Is there a button of that name? */
  async hasButton(name) {
    return (await this.page.$(`::-p-aria([name="${name}"][role="button"])`)) !== null;
  }

  /** What the page answers; where it has just left for another, what that one does. */
  async #ask(...question) {
    for (;;) {
      try {
        return await this.page.evaluate(...question);
      } catch (error) {
        if (!/Execution context was destroyed/.test(error.message)) throw error;
      }
    }
  }

  async state(wanted, limit = 60_000) {
    await until(`${this.name}: state ${wanted}`, limit, 25, async () => {
      return (await this.#ask(() => document.documentElement.dataset.callState)) === wanted;
    });
  }

  /** All text that the page shows. */
  async text() {
    return this.#ask(() => document.body?.innerText ?? "");
  }

  async says(words, limit = 30_000) {
    await until(`${this.name} reads "${words}"`, limit, 100, async () => (await this.text()).includes(words));
  }

  /** The tiles, as their attributes tell. */
  async tiles() {
    return this.#ask(() =>
      [...document.querySelectorAll("[data-tile]")].map((tile) => {
        const { participantId, participantName, source, own, muted, speaking } = tile.dataset;
        const video = tile.querySelector("video");
        return {
          id: participantId,
          name: participantName,
          source,
          own: own === "true",
          muted: muted === "true",
          speaking: speaking === "true",
          shown: video?.videoWidth > 0 ? video.currentTime : 0, // seconds
        };
      }),
    );
  }

  /** @returns {Promise<Record<string, Heard>>} by the participants' names */
  async heard() {
    return this.#ask(async () => {
      const { subscribePC, state } = window.umbrella;
      const byTrack = new Map();
      for (const report of (await subscribePC?.getStats())?.values() ?? []) {
        if (report.type === "inbound-rtp") byTrack.set(report.trackIdentifier, report);
      }
      const heard = {};
      for (const { id, name, tracks } of state.room.participants) {
        if (id === state.room.selfId) continue;
        const of = (source) => {
          const track = tracks.find((t) => t.source === source);
          return byTrack.get(state.streams.get(track?.id)?.id);
        };
        const [microphone, camera, screen] = [of(1), of(2), of(3)];
        heard[name] = {
          energy: microphone?.totalAudioEnergy ?? 0,
          audioPackets: microphone?.packetsReceived ?? 0,
          frames: camera?.framesDecoded ?? 0,
          width: camera?.frameWidth ?? 0,
          screenFrames: screen?.framesDecoded ?? 0,
          screenWidth: screen?.frameWidth ?? 0,
        };
      }
      return heard;
    });
  }

  /** Remembers the connections of now, for renewed(). */
  async remember() {
    await this.#ask(() => {
      window.remembered = { publish: window.umbrella.publishPC, subscribe: window.umbrella.subscribePC };
    });
  }

  /** Are both connections others than those remembered? */
  async renewed() {
    return this.#ask(() => {
      const { publishPC, subscribePC } = window.umbrella;
      const { publish, subscribe } = window.remembered;
      return publishPC !== null && subscribePC !== null && publishPC !== publish && subscribePC !== subscribe;
    });
  }

  /** Waits until pictures and sound of all these others flow, from now on. */
  async meets(names, limit = 90_000) {
    const before = await this.heard();
    let now;
    try {
      await until("", limit, 250, async () => {
        now = await this.heard();
        return names.every((name) => {
          const was = before[name] ?? { frames: 0, energy: 0 };
          const is = now[name];
          return is && is.frames >= was.frames + 10 && is.energy > was.energy;
        });
      });
    } catch {
      throw new Error(
        `${this.name} does not see and hear ${names.join(" and ")} within ${limit / 1000} s: ` +
          `before ${JSON.stringify(before)}, now ${JSON.stringify(now)}, tiles ${JSON.stringify(await this.tiles())}`,
      );
    }
  }

  async close() {
    await this.context.close();
  }
}
