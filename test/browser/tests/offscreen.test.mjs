// Nothing is sent for tiles that nobody sees.
import assert from "node:assert/strict";
import { crowd } from "../lib/crowd.mjs";
import { house } from "../lib/harness.mjs";
import { sleep, until } from "../lib/wait.mjs";

const { daemon, scene } = await house();

scene("tiles that are scrolled away are paused", 120, async ({ person, step }) => {
  const source = await person("Source");
  const names = Array.from({ length: 16 }, (_, i) => `camera-${i}`);
  await crowd(source, daemon, "gallery", names);
  const viewer = await person("Viewer", { width: 360, height: 480 });
  await viewer.join(daemon, "gallery", { watch: true });
  await until("all tiles", 20_000, 100, async () => (await viewer.tiles()).length === names.length);

  const stage = '[role="region"][aria-label="Participants"]';
  const inView = () =>
    viewer.page.evaluate((selector) => {
      const box = document.querySelector(selector).getBoundingClientRect();
      return [...document.querySelectorAll("[data-tile]")]
        .filter((tile) => {
          const { top, bottom } = tile.getBoundingClientRect();
          return bottom > box.top && top < box.bottom;
        })
        .map((tile) => tile.dataset.participantName);
    }, stage);
  /** Names from the top down: they came in whatever order. */
  const topDown = () =>
    viewer.page.evaluate(() =>
      [...document.querySelectorAll("[data-tile]")]
        .map((tile) => ({ top: tile.getBoundingClientRect().top, name: tile.dataset.participantName }))
        .sort((a, b) => a.top - b.top)
        .map(({ name }) => name),
    );
  const frames = async () => Object.fromEntries(Object.entries(await viewer.heard()).map(([name, h]) => [name, h.frames]));
  const subscriptions = async () => {
    const [room] = (await daemon.status()).rooms;
    const me = room.participants.find((p) => p.viewOnly);
    const owner = new Map(room.participants.flatMap((p) => (p.tracks ?? []).map((t) => [t.id, p.name])));
    return Object.fromEntries(me.subscriptions.map((s) => [owner.get(s.trackId), s.paused === true]));
  };
  /** Those in view move, those out of view (and not nearly in it) do not. */
  const settle = async (gone) => {
    await until("the tiles in view move", 20_000, 250, async () => {
      const seen = await inView();
      const before = await frames();
      await sleep(800);
      const after = await frames();
      return seen.every((name) => after[name] > before[name]);
    });
    await until(`paused at the daemon: ${gone}`, 10_000, 100, async () => {
      const paused = await subscriptions();
      return gone.every((name) => paused[name]);
    });
    await sleep(500); // what was on its way
    const before = await frames();
    await sleep(1_500);
    const after = await frames();
    for (const name of gone) assert.equal(after[name] ?? 0, before[name] ?? 0, `${name} is sent although nobody sees it`);
  };

  await step("at the top the last ones stand still", async () => {
    const seen = await inView();
    assert.ok(seen.length >= 2 && seen.length <= 12, `${seen.length} tiles are in view`);
    await settle((await topDown()).slice(-2));
  });
  await step("scrolled down the first ones do", async () => {
    await viewer.page.$eval(stage, (element) => element.scrollTo(0, element.scrollHeight));
    await settle((await topDown()).slice(0, 2));
  });
  await step("scrolled back they move again", async () => {
    await viewer.page.$eval(stage, (element) => element.scrollTo(0, 0));
    await settle((await topDown()).slice(-2));
  });
});
