// A call of three on two kinds of browser, from joining to leaving.
import assert from "node:assert/strict";
import { house } from "../lib/harness.mjs";
import { sleep, until } from "../lib/wait.mjs";

const { daemon, scene } = await house();

// Small pages and slow cameras: three browsers draw three pictures each.
const modest = { width: 800, height: 600, launch: { device: "fps=10" } };

scene("three people in Chromium and Firefox", 300, async ({ person, step }) => {
  const room = "kitchen";
  const [ada, bob, eve] = await Promise.all([
    person("Ada", modest),
    person("Bob", modest),
    person("Eve", { ...modest, kind: "firefox" }),
  ]);
  await Promise.all([ada.join(daemon, room), bob.join(daemon, room), eve.join(daemon, room)]);
  const all = [ada, bob, eve];
  const others = (one) => all.filter((p) => p !== one).map((p) => p.name);

  await step("see and hear each other", async () => {
    await Promise.all(all.map((p) => p.meets(others(p))));
    for (const p of all) {
      await until(`${p.name} is shown every picture`, 10_000, 200, async () => {
        const tiles = await p.tiles();
        return tiles.length === 3 && tiles.every((tile) => tile.shown > 0);
      });
    }
  });

  await step("who speaks is marked", async () => {
    // Chromium's fake microphone beeps.
    await until("Ada is marked as speaking at Bob's", 15_000, 50, async () =>
      (await bob.tiles()).some((tile) => tile.name === "Ada" && tile.speaking),
    );
  });

  await step("one who is muted is silent, and marked for the others", async () => {
    await ada.press("Mute microphone");
    for (const p of [bob, eve]) {
      await until(`Ada is marked as muted at ${p.name}'s`, 10_000, 100, async () =>
        (await p.tiles()).some((tile) => tile.name === "Ada" && tile.muted),
      );
    }
    await sleep(1_000); // what was on its way
    const before = (await bob.heard()).Ada.energy;
    await sleep(3_000);
    assert.ok((await bob.heard()).Ada.energy - before < 1e-6, "Ada is still heard");
    await ada.press("Unmute microphone");
    await until("Ada is unmarked", 10_000, 100, async () =>
      (await bob.tiles()).some((tile) => tile.name === "Ada" && !tile.muted),
    );
    await bob.meets(["Ada"]);
  });

  await step("a camera that is off and on again", async () => {
    await bob.press("Turn camera off");
    await until("Bob's picture has gone", 10_000, 100, () =>
      ada.page.evaluate(() => document.querySelector('[data-participant-name="Bob"]')?.dataset.picture !== "true"),
    );
    await bob.press("Turn camera on");
    await ada.meets(["Bob"]);
    await eve.meets(["Bob"]);
  });

  await step("chat", async () => {
    await ada.press("Chat");
    await ada.type("textarea", "Soup is ready <b>now</b>");
    await ada.page.keyboard.press("Enter");
    for (const p of [bob, eve]) {
      await p.press("Chat");
      await p.says("Soup is ready <b>now</b>");
    }
    await eve.type("textarea", "Coming – здравствуй 🍲");
    await eve.page.keyboard.press("Enter");
    await ada.says("Coming – здравствуй 🍲");
  });

  await step("people are listed", async () => {
    await ada.press("People");
    for (const name of ["Ada", "Bob", "Eve"]) await ada.says(name);
    await ada.press("Close panel");
  });

  await step("one shares the screen", async () => {
    await bob.press("Share screen");
    for (const p of [ada, eve]) {
      await until(`${p.name} sees Bob's screen`, 40_000, 200, async () => {
        const { Bob } = await p.heard();
        return Bob.screenFrames > 3 && Bob.screenWidth > 0;
      });
      const tiles = await p.tiles();
      assert.equal(tiles.filter((tile) => tile.source === "screen").length, 1);
    }
    // Somebody who comes in now sees it, too.
    const pat = await person("Pat", modest);
    await pat.join(daemon, room, { watch: true });
    await until("Pat sees Bob's screen", 40_000, 200, async () => (await pat.heard()).Bob?.screenFrames > 3);
    await pat.press("Leave");
    await bob.press("Stop sharing");
    for (const p of [ada, eve]) {
      await until(`the screen has gone at ${p.name}'s`, 10_000, 100, async () =>
        (await p.tiles()).every((tile) => tile.source !== "screen"),
      );
    }
  });

  await step("one just watches", async () => {
    const zoe = await person("Zoe", modest);
    await zoe.join(daemon, room, { watch: true });
    await zoe.meets(["Ada", "Bob", "Eve"]);
    assert.equal((await zoe.tiles()).length, 3, "a viewer has no tile");
    assert.equal(await zoe.page.evaluate(() => window.umbrella.publishPC), null, "a viewer publishes");
    assert.equal((await ada.tiles()).length, 3, "a viewer has no tile at Ada's");
    await zoe.press("Leave");
    await zoe.state("left");
  });

  await step("one reloads", async () => {
    await bob.page.reload();
    await until("Ada sees that Bob went", 10_000, 50, async () => (await ada.tiles()).length === 2);
    await bob.ready();
    assert.equal(await bob.page.$eval('input[name="name"]', (field) => field.value), "Bob", "the name is remembered");
    await bob.press("Join");
    await bob.state("joined");
    await Promise.all([bob.meets(["Ada", "Eve"]), ada.meets(["Bob"]), eve.meets(["Bob"])]);
  });

  await step("one leaves", async () => {
    await eve.press("Leave");
    await eve.state("left");
    for (const p of [ada, bob]) {
      await until(`Eve has gone at ${p.name}'s`, 10_000, 50, async () =>
        (await p.tiles()).every((tile) => tile.name !== "Eve"),
      );
    }
    await ada.meets(["Bob"]);
  });

  await step("nothing stays when all have left", async () => {
    await ada.press("Leave");
    await bob.press("Leave");
    await until("the room is closed", 15_000, 100, async () => ((await daemon.status()).rooms ?? []).length === 0);
  });
});
