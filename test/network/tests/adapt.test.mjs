// A receiver's link becomes narrow, and wide again; tiles become small, and
// large again.
import assert from "node:assert/strict";
import { sleep, until } from "../../browser/lib/wait.mjs";
import { between, longestFreeze, longestGap, perSecond, rise } from "../lib/series.mjs";
import { scene } from "../lib/site.mjs";
import { latest, samplesSince, watch, watchSent } from "../lib/watch.mjs";

const narrow = 400_000; // bits per second
const large = { width: 1280, height: 800 };
const small = { width: 320, height: 240 };

scene("layers follow the links and the tiles", 90, async ({ ap, far, person, step, seen }) => {
  const source = await person("Source", "near");
  const other = await person("Other", "near", { watch: true });
  const victim = await person("Victim", "far", { watch: true });
  await watchSent(source);
  await watch(other, "Source");
  await watch(victim, "Source");

  let free; // frames a second of the other one
  await step("all get the largest picture", async (tell) => {
    await until("720 lines for both", 20_000, 100, async () =>
      (await Promise.all([other, victim].map(latest))).every(({ height }) => height === 720),
    );
    // The estimate of the bandwidth and the encoder have to settle.
    await until("pictures come steadily", 15_000, 500, async () => {
      const [first, last] = [(await samplesSince(other, Date.now() - 2000))[0], await latest(other)];
      return ((last.frames - first.frames) * 1000) / (last.at - first.at) >= 27;
    });
    await sleep(3000);
    free = perSecond(await seen(other, 3000), "frames");
    const rate = perSecond(await seen(victim, 3000), "bytes") * 8;
    tell(`${free.toFixed(1)} frames/s at 720 lines, ${Math.round(rate / 1000)} kbit/s`);
    assert.ok(rate > 1.5 * narrow, `a picture of ${rate} bit/s fits even the narrow link: nothing can be measured`);
  });

  await step("cut to 400 kbit/s, the picture fits in 3 s", async (tell) => {
    await far.limit(narrow);
    const cut = Date.now();
    let chosen;
    await until("a smaller picture", 3_000, 50, async () => {
      if (!chosen && (await ap.picture("Victim")).rid !== "f") chosen = Date.now() - cut;
      return chosen && (await latest(victim)).height < 720;
    });
    const shown = Date.now() - cut;
    await sleep(Math.max(0, cut + 3000 - Date.now()));
    const before = await far.queue();
    const rates = [];
    while (Date.now() < cut + 12_000) {
      await sleep(500);
      rates.push((await ap.picture("Victim")).rate);
    }
    const after = await far.queue();
    const samples = await samplesSince(victim, cut);
    const settled = between(samples, cut + 3000);
    const others = between(await samplesSince(other, cut), cut);
    const dropped = (after.drops - before.drops) / (after.packets - before.packets);
    tell(
      `smaller layer chosen after ${chosen} ms, shown after ${shown} ms; longest freeze ${longestFreeze(samples).toFixed(2)} s; ` +
        `then ${settled.at(-1).height} lines, ${perSecond(settled, "frames").toFixed(1)} frames/s, ` +
        `${Math.round((perSecond(settled, "bytes") * 8) / 1000)} kbit/s, ${(dropped * 100).toFixed(1)} % dropped at the link, ` +
        `longest gap in the sound ${longestGap(samples).toFixed(0)} ms, ${longestGap(settled).toFixed(0)} ms once settled`,
    );
    tell(`the other one: ${perSecond(others, "frames").toFixed(1)} frames/s, longest freeze ${longestFreeze(others).toFixed(2)} s`);
    assert.ok(Math.max(...rates) < narrow, `what is sent does not fit: ${rates.join(" ")} bit/s`);
    assert.ok(dropped < 0.02, `${dropped * 100} % of the packets are dropped at the link, 3 s after it was cut`);
    assert.ok(longestFreeze(samples) <= 1, `the picture froze for ${longestFreeze(samples)} s`);
    assert.ok(perSecond(settled, "frames") >= 10, `only ${perSecond(settled, "frames")} frames/s`);
    assert.ok(others.every(({ height }) => height === 720), "the other one's picture changed its size");
    assert.ok(perSecond(others, "frames") >= free - 3, `the other one got ${free} frames/s, then ${perSecond(others, "frames")}`);
    assert.ok(longestFreeze(others) <= 0.5, `the other one's picture froze for ${longestFreeze(others)} s`);
  });

  await step("freed, the largest picture is back in 10 s", async (tell) => {
    await far.free();
    const freed = Date.now();
    await until("720 lines again", 10_000, 50, async () => (await latest(victim)).height === 720);
    const back = Date.now() - freed;
    await sleep(2000);
    const samples = await samplesSince(victim, freed);
    tell(`back after ${back} ms, longest freeze ${longestFreeze(samples).toFixed(2)} s`);
    assert.ok(longestFreeze(samples) <= 1, `the picture froze for ${longestFreeze(samples)} s`);
    assert.equal((await latest(victim)).height, 720);
  });

  await step("what nobody looks at is not sent", async (tell) => {
    const shrunk = Date.now();
    for (const one of [other, victim]) await one.page.setViewport(small);
    const sentSince = async (from) => rise((await samplesSince(source, from)).map((s) => s.f), "bytes");
    await until("the largest encoding stops", 8_000, 100, async () => (await sentSince(Date.now() - 500)) === 0);
    tell(`the largest encoding stopped after ${((await lastSent(source, "f")) - shrunk).toFixed(0)} ms`);
    await sleep(2000);
    const samples = (await seen(source, 2000)).map((s) => s.f);
    assert.equal(rise(samples, "bytes"), 0, "the largest encoding is sent though nobody looks at it");
    const still = await seen(other, 2000);
    assert.ok(perSecond(still, "frames") >= 20, `only ${perSecond(still, "frames")} frames/s in the small tile`);
    assert.ok(still.at(-1).height < 720);
  });

  await step("it is sent again within 500 ms after a tile grew", async (tell) => {
    await other.page.evaluate(() => {
      const tile = document.querySelector('[data-tile][data-own="false"]') ?? document.querySelector("[data-tile]");
      const { width } = tile.getBoundingClientRect();
      window.grown = new Promise((resolve) => {
        new ResizeObserver(() => tile.getBoundingClientRect().width > 2 * width && resolve(Date.now())).observe(tile);
      });
    });
    const asked = Date.now();
    await other.page.setViewport(large);
    const grown = await other.page.evaluate(() => window.grown);
    await until("720 lines again", 5_000, 50, async () => (await latest(other)).height === 720);
    const sent = (await samplesSince(source, asked)).find((s, i, all) => i > 0 && s.f.bytes > all[0].f.bytes)?.at;
    const shown = (await samplesSince(other, grown)).find(({ height }) => height === 720).at;
    tell(`sent again after ${sent - grown} ms, shown after ${shown - grown} ms`);
    assert.ok(sent - grown <= 500, `the largest encoding was sent again only after ${sent - grown} ms`);
  });
});

/** When the last bytes of an encoding went out. */
async function lastSent(source, rid) {
  const samples = await samplesSince(source, 0);
  const last = samples.at(-1)[rid].bytes;
  return samples.find((s) => s[rid]?.bytes === last).at;
}
