// The daemon goes and comes back under a call, and a network does.
import assert from "node:assert/strict";
import { house } from "../lib/harness.mjs";
import { Relay } from "../lib/relay.mjs";
import { sleep, until } from "../lib/wait.mjs";

const { daemon, scene } = await house();

scene("the daemon is restarted under a call", 240, async ({ person, step }) => {
  const ada = await person("Ada");
  const bob = await person("Bob");
  const eve = await person("Eve", { kind: "firefox" });
  const all = [ada, bob, eve];
  await Promise.all(all.map((p) => p.join(daemon, "attic")));
  const others = (one) => all.filter((p) => p !== one).map((p) => p.name);
  await Promise.all(all.map((p) => p.meets(others(p))));
  for (const p of all) p.outage = true;

  for (const [signal, words] of [
    ["SIGTERM", "stopped by SIGTERM"],
    ["SIGKILL", "killed"],
  ]) {
    await step(words, async () => {
      await Promise.all(all.map((p) => p.remember()));
      const began = performance.now();
      const how = await daemon.stop(signal);
      assert.equal(how, signal === "SIGTERM" ? 0 : "SIGKILL");
      const ended = performance.now() - began;
      assert.ok(ended < 5_000, `it took ${ended} ms to stop`);
      await Promise.all(all.map((p) => p.state("reconnecting", 15_000)));
      await bob.says("The connection is lost");

      await daemon.run();
      const listening = performance.now();
      const back = await Promise.all(
        all.map(async (p) => {
          await until(`${p.name} sees and hears the others again`, 45_000, 50, async () => {
            // Counters begin anew with the connections.
            if (!(await p.renewed())) return false;
            const heard = await p.heard();
            return others(p).every((name) => heard[name]?.frames > 0 && heard[name].energy > 0);
          });
          return performance.now() - listening;
        }),
      );
      const slowest = Math.max(...back);
      console.log(
        `${words}: the call was back ${all.map((p, i) => `${p.name} ${(back[i] / 1000).toFixed(2)} s`).join(", ")} ` +
          `after the new daemon listened (it had stopped in ${Math.round(ended)} ms)`,
      );
      if (signal === "SIGTERM") assert.ok(slowest < 5_000, `the call was back after ${slowest} ms, 5000 are allowed`);
      await Promise.all(all.map((p) => p.meets(others(p))));
    });
  }
});

scene("the network goes and comes back", 240, async ({ person, step }) => {
  const relay = await Relay.start(daemon.port);
  try {
    const ada = await person("Ada");
    const bob = await person("Bob");
    ada.outage = true;
    // Ada's signalling goes through a relay of ours; the page cannot tell.
    await ada.join(daemon, "cellar", { port: relay.port });
    await bob.join(daemon, "cellar");
    await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);
    const session = () => ada.page.evaluate(() => window.umbrella.state.room.selfId);
    const credentials = () =>
      ada.page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(window.umbrella.publishPC.localDescription.sdp)[1]);

    await step("a lost socket is resumed, with an ICE restart and without a gap in the pictures", async () => {
      const before = { id: await session(), ufrag: await credentials(), frames: (await bob.heard()).Ada.frames };
      await ada.page.evaluate(() => {
        window.pcBefore = window.umbrella.publishPC;
        // It may be back before anybody can ask.
        window.states = [];
        new MutationObserver(() => window.states.push(document.documentElement.dataset.callState)).observe(document.documentElement, {
          attributeFilter: ["data-call-state"],
        });
      });
      relay.cut();
      await until("Ada was reconnecting", 15_000, 50, () => ada.page.evaluate(() => window.states.includes("reconnecting")));
      await ada.state("joined", 20_000);
      assert.equal(await session(), before.id, "it is another participant");
      assert.ok(await ada.page.evaluate(() => window.pcBefore === window.umbrella.publishPC), "it is a new connection");
      await until("ICE is restarted", 20_000, 100, async () => (await credentials()) !== before.ufrag);
      await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);
      const after = (await bob.heard()).Ada.frames;
      assert.ok(after > before.frames, `Bob's counter of Ada's frames began anew: ${before.frames}, then ${after}`);
    });

    await step("a network that is away for some seconds", async () => {
      const id = await session();
      await ada.page.setOfflineMode(true);
      relay.refuse(true);
      relay.cut();
      await ada.state("reconnecting", 20_000);
      await ada.says("The connection is lost");
      await sleep(4_000);
      assert.equal((await bob.tiles()).length, 2, "Ada has lost her place meanwhile");
      await ada.page.setOfflineMode(false);
      relay.refuse(false);
      await ada.state("joined", 30_000);
      assert.equal(await session(), id, "it is another participant");
      await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);
    });
  } finally {
    await relay.close();
  }
});
