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
    await until("pictures come at 27 a second", 15_000, 500, async () => {
      const [first, last] = [(await samplesSince(other, Date.now() - 2000))[0], await latest(other)];
      return ((last.frames - first.frames) * 1000) / (last.at - first.at) >= 27;
    });
    await sleep(3000);
    free = perSecond(await seen(other, 3000), "frames");
    const rate = perSecond(await seen(victim, 3000), "bytes") * 8;
    tell(`${free.toFixed(1)} frames/s at 720 lines, ${Math.round(rate / 1000)} kbit/s`);
    assert.ok(rate > 1.5 * narrow, `a picture of ${Math.round(rate)} bit/s nearly fits the narrow link: nothing can be measured`);
  });

  await step("cut to 400 kbit/s, the picture fits in 3 s", async (tell) => {
    await far.limit(narrow);
    const cut = Date.now();
    const pictures = []; // what the daemon sends, in time
    let [chosen, shown] = [0, 0];
    let before; // packets at the link, 3 s after the cut
    for (let after = 0; after < 12_000; after = Date.now() - cut) {
      const picture = await ap.picture("Victim");
      pictures.push({ after, ...picture });
      if (picture.rid !== "f") chosen ||= after;
      if ((await latest(victim)).height < 720) shown ||= after;
      if (after >= 3000) before ??= await far.queue();
      await sleep(100);
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
    tell(`sent, by seconds: ${changes(pictures)}`);
    const late = pictures.find(({ after }) => after > 3000);
    const again = (from, to) => `${to.resent - from.resent} of ${to.nacks - from.nacks}`;
    tell(`sent again of what was asked for: ${again(pictures[0], late)} packets, then ${again(late, pictures.at(-1))}`);
    assert.ok(chosen > 0 && chosen <= 3000 && shown > 0 && shown <= 3000, "a smaller layer came too late");
    const most = Math.max(...pictures.filter(({ after }) => after > 3000).map(({ rate }) => rate));
    assert.ok(most < narrow, `what is sent does not fit: ${most} bit/s`);
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
    await until("the largest encoding, which nobody looks at, is not sent for 2 s", 10_000, 100, async () => {
      const now = Date.now();
      return now - shrunk > 2000 && (await sentSince(now - 2000)) === 0;
    });
    tell(`the largest encoding stopped after ${(await lastSent(source, "f")) - shrunk} ms`);
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

/** What was sent, where it changed: the layer and temporal layer, its rate, what the path is thought to carry. */
function changes(pictures) {
  let last = "";
  return pictures
    .flatMap(({ after, rid, temporal, rate, path }) => {
      const now = `${rid}/${temporal} ${Math.round(rate / 1000)} of ${Math.round(path / 10_000) * 10} kbit/s`;
      if (now === last) return [];
      last = now;
      return [`${(after / 1000).toFixed(1)} ${now}`];
    })
    .join(", ");
}

/** When the last bytes of an encoding went out. */
async function lastSent(source, rid) {
  const samples = await samplesSince(source, 0);
  const last = samples.at(-1)[rid].bytes;
  return samples.find((s) => s[rid]?.bytes === last).at;
}
