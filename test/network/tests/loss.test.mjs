// Packets are lost at random: on the publisher's link, on a receiver's, on both.
import assert from "node:assert/strict";
import { sleep, until } from "../../browser/lib/wait.mjs";
import { longestFreeze, longestGap, perSecond, rise } from "../lib/series.mjs";
import { calmly, scene } from "../lib/site.mjs";
import { latest, watch, watchSent } from "../lib/watch.mjs";

scene("pictures and sound survive loss", 240, async ({ ap, near, far, person, step, seen }) => {
  const source = await person("Source", "near");
  const other = await person("Other", "near", { watch: true });
  const receiver = await person("Receiver", "far", { watch: true });
  await watchSent(source);
  await watch(other, "Source");
  await watch(receiver, "Source");

  await step("without loss", async (tell) => {
    await until("720 lines", 20_000, 100, async () => (await latest(receiver)).height === 720);
    await sleep(5000);
    tell(describe(await seen(receiver, 3000), await seen(source, 3000)));
  });

  await step("5 % between the publisher and the access point, and 5 % between that and the receiver", async (tell) => {
    // Two cores encode, carry and play all of it, and something else may hold one of
    // them up once: two of three have to be good.
    const bad = [];
    for (let good = 0; good < 2; ) {
      const { rate, gap, encodedRate } = await calmly(() => measure([near, far], tell), tell);
      await sleep(1500);
      if (rate >= 24 && gap <= 100) good++;
      else bad.push(`${rate.toFixed(1)} frames/s of ${encodedRate.toFixed(1)} that were encoded, a gap of ${gap.toFixed(0)} ms in the sound`);
      assert.ok(bad.length < 2, bad.join("; "));
    }
  });

  async function measure(links, tell) {
    const seconds = 15;
    let samples, sent;
    for (const link of links) await link.lose(5);
    try {
      await sleep(seconds * 1000);
      samples = await seen(receiver, seconds * 1000);
      sent = await seen(source, seconds * 1000);
    } finally {
      for (const link of links) lost(await link.mend(), 5);
    }
    tell(describe(samples, sent));
    return { rate: perSecond(samples, "frames"), gap: longestGap(samples), encodedRate: encoded(sent) };
  }

  await step("10 % on one receiver's link: no more keyframes for the others", async (tell) => {
    const seconds = 14;
    const { before, after, others, samples } = await calmly(async () => {
      const before = await ap.layers("Source");
      await far.lose(10);
      await sleep(seconds * 1000);
      const after = await ap.layers("Source");
      lost(await far.mend(), 10);
      const [others, samples] = [await seen(other, seconds * 1000), await seen(receiver, seconds * 1000)];
      return { before, after, others, samples };
    }, tell);
    const keyframes = after.f.keyframes - before.f.keyframes;
    tell(`the one with loss: ${describe(samples)}`);
    tell(`the other one: ${describe(others)}`);
    tell(`${keyframes} keyframes in ${seconds} s, ${after.f.requests - before.f.requests} of them asked for`);
    assert.ok(keyframes <= seconds / 2, `${keyframes} keyframes in ${seconds} s`);
    assert.ok(rise(others, "keyframes") <= seconds / 2, `the other one got ${rise(others, "keyframes")} keyframes`);
    assert.ok(others.every(({ height }) => height === 720), "the other one's picture changed its size");
    assert.ok(perSecond(others, "frames") >= 24, `the other one got ${perSecond(others, "frames")} frames/s`);
    assert.ok(longestFreeze(others) <= 0.5, `the other one's picture froze for ${longestFreeze(others)} s`);
    assert.ok(perSecond(samples, "frames") >= 15, `the one with loss got ${perSecond(samples, "frames")} frames/s`);
  });
});

/** Frames that were encoded of the largest picture, a second. */
function encoded(sent) {
  return perSecond(sent.map(({ at, f }) => ({ at, frames: f.frames })), "frames");
}

function describe(samples, sent) {
  return [
    `${perSecond(samples, "frames").toFixed(1)} frames/s${sent ? ` of ${encoded(sent).toFixed(1)} encoded` : ""} at ${samples.at(-1).height} lines`,
    `longest freeze ${longestFreeze(samples).toFixed(2)} s`,
    `longest gap in the sound ${longestGap(samples).toFixed(0)} ms`,
    `${((rise(samples, "concealed") / rise(samples, "heard")) * 100).toFixed(1)} % of it made up`,
    `${rise(samples, "nacks")} NACKs, ${rise(samples, "plis")} PLIs, ${rise(samples, "keyframes")} keyframes`,
    `${((rise(samples, "waited") / rise(samples, "emitted")) * 1000).toFixed(0)} ms in the jitter buffer`,
  ].join(", ");
}

/** Checks that the link lost what it was told to, as far as chance allows. */
function lost(ways, percent) {
  const share = percent / 100;
  for (const [way, { packets, lost }] of Object.entries(ways)) {
    assert.ok(packets > 200, `only ${packets} packets went ${way}`);
    const deviation = Math.sqrt((share * (1 - share)) / packets);
    assert.ok(Math.abs(lost - share) < 5 * deviation, `${lost * 100} % of ${packets} packets were lost ${way} instead of ${percent} %`);
  }
}
