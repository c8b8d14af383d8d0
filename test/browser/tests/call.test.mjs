// A call of three on two kinds of browser, from joining to leaving.
import assert from "node:assert/strict";
import path from "node:path";
import { accessible } from "../lib/axe.mjs";
import { house } from "../lib/harness.mjs";
import { sleep, until } from "../lib/wait.mjs";

const { daemon, scene } = await house();

// Small pages and slow cameras: three browsers draw three pictures each.
const modest = { width: 800, height: 600, launch: { device: "fps=10" } };

const shots = process.env.UMBRELLA_SHOTS;
/** Pictures at three sizes, for whoever wants to look at them. */
async function shoot({ page }, name) {
  if (!shots) return;
  const before = page.viewport();
  for (const [width, height] of [[320, 640], [390, 844], [1280, 800]]) {
    await page.setViewport({ width, height });
    await sleep(700);
    await page.screenshot({ path: path.join(shots, `${name}-${width}.png`) });
  }
  await page.setViewport(before);
}

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

scene("what is around a call", 300, async ({ person, step }) => {
  await step("the lobby tells all that is wrong at once, and only while it is", async () => {
    const lou = await person("Lou", modest);
    const wrong = () => lou.page.$$eval('[aria-invalid="true"]', (fields) => fields.map((field) => field.name));
    await lou.page.goto(daemon.url("/sfu"));
    await lou.type('input[name="room"]', "a/b");
    await lou.type('input[name="name"]', " ");
    await lou.press("Join");
    await until("both are marked", 5_000, 50, async () => (await wrong()).join(" ") === "room name");
    assert.equal(await lou.page.evaluate(() => document.activeElement.name), "room", "the focus is at the first of them");
    await lou.type('input[name="room"]', "ab");
    assert.deepEqual(await wrong(), ["name"]);
    await shoot(lou, "lobby-problems");
    await lou.close();
  });

  const [ada, bob] = await Promise.all([person("Ada", modest), person("Bob", modest)]);
  await ada.join(daemon, "hall");
  await bob.join(daemon, "hall");
  await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);

  await step("what is written while nobody looks is counted in the title and at the icon", async () => {
    const title = () => bob.page.title();
    const icon = () => bob.page.$eval('link[rel="icon"]', (link) => link.href.slice(0, 5));
    assert.equal(await title(), "hall · Umbrella");
    await ada.press("Chat");
    for (const text of ["One", "Two"]) {
      await ada.type("textarea", text);
      await ada.page.keyboard.press("Enter");
    }
    await until("the title counts both", 10_000, 50, async () => (await title()) === "(2) hall · Umbrella");
    assert.equal(await icon(), "data:");
    await bob.press("Chat");
    await until("the title counts none", 5_000, 50, async () => (await title()) === "hall · Umbrella");
    assert.equal(await icon(), "https");
    assert.equal(await ada.page.title(), "hall · Umbrella", "one's own messages are counted");
  });

  await step("who comes late reads what was written before", async () => {
    const zoe = await person("Zoe", modest);
    await zoe.join(daemon, "hall", { watch: true });
    await zoe.press("Chat");
    await zoe.says("Written before you came");
    await zoe.says("Two");
    await ada.type("textarea", "Hello Zoe");
    await ada.page.keyboard.press("Enter");
    await zoe.says("Since you came");
    await accessible(zoe, "the chat of before");
    await shoot(zoe, "chat-before");
    await zoe.press("Leave");
  });

  await step("one sees oneself in a corner, not mirrored, or not at all; for the others nothing changes", async () => {
    const { page } = ada;
    const choose = async (words) => {
      await ada.press("How you see yourself");
      await page.locator(`::-p-aria([name="${words}"])`).click();
      await accessible(ada, `how one sees oneself: ${words}`);
      await shoot(ada, `own-${words.replaceAll(/\W+/g, "-")}-dialog`);
      await ada.press("Close");
    };
    const own = () => page.evaluate(() => document.querySelector("[data-own-picture]")?.dataset.ownPicture);
    await ada.press("Close panel");
    await choose("Small, in a corner");
    await until("there is a tile less", 5_000, 50, async () => (await ada.tiles()).every((tile) => !tile.own));
    assert.equal(await own(), "bottom-right");
    assert.ok(await page.$("[data-own-picture] video.mirrored"));
    await accessible(ada, "the own picture floats");
    await shoot(ada, "own-floating");
    await page.focus("[data-own-picture]");
    await page.keyboard.press("ArrowUp");
    assert.equal(await own(), "top-right");
    const box = await (await page.$("[data-own-picture]")).boundingBox();
    await page.mouse.move(box.x + 20, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x - 300, box.y + 100, { steps: 4 });
    await page.mouse.move(40, 500, { steps: 4 });
    await page.mouse.up();
    await until("it is in the corner that it was pulled to", 5_000, 50, async () => (await own()) === "bottom-left");
    assert.equal(await page.evaluate(() => localStorage.getItem("umbrella.own-corner")), "bottom-left");
    await choose("Show it to me as in a mirror");
    assert.equal(await page.$("[data-own-picture] video.mirrored"), null);
    await choose("Nowhere: only the others see it");
    await ada.says("Your camera is on");
    assert.equal(await own(), undefined);
    await shoot(ada, "own-hidden");
    await bob.meets(["Ada"]);
    await page.locator("button.own-mark").click();
    await page.locator('::-p-aria([name="Among the others"])').click();
    await page.locator('::-p-aria([name="Show it to me as in a mirror"])').click();
    await ada.press("Close");
    await until("the tile is back", 5_000, 50, async () => (await ada.tiles()).some((tile) => tile.own));
    await ada.press("Chat");
  });

  await step("one makes another one quieter, and only that one", async () => {
    const heardAt = (wanted) =>
      until(`the volumes are ${wanted}`, 5_000, 50, async () => (await bob.page.$$eval("audio", (all) => all.map((a) => a.volume).sort())).join(" ") === wanted);
    await bob.press("People");
    await bob.page.locator(".people").wait();
    await bob.page.locator('.people ::-p-aria([name="Volume of Ada"])').click();
    await bob.page.focus("dialog input[type=range]");
    for (let i = 0; i < 12; i++) await bob.page.keyboard.press("ArrowLeft");
    await heardAt("0.4");
    await accessible(bob, "the volume of one");
    await shoot(bob, "volume");
    await bob.press("Close");
    await bob.page.locator('.people ::-p-aria([name="Volume of Ada, 40 percent"])').click();
    await bob.press("Silence for me");
    await until("Ada is silent", 5_000, 50, () => bob.page.$$eval("audio", (all) => all.filter((a) => a.muted).length === 1));
    await bob.page.locator("dialog input[type=range]").click({ count: 2 });
    await heardAt("1");
    await bob.press("Close");
  });

  await step("the link to the room is a QR code as well", async () => {
    await bob.press("Invite by QR code");
    await bob.page.waitForSelector("dialog svg.qr");
    assert.equal(await bob.page.$eval("dialog input", (field) => field.value), daemon.url("/sfu/hall"));
    await accessible(bob, "the invitation");
    await shoot(bob, "invite");
    await bob.press("Close");
    await bob.press("Close panel");
  });

  await step("one who shares the screen is told so, until it ends, however it ends", async () => {
    const barGone = async () => !(await bob.text()).includes("You are sharing") && (await bob.page.title()) === "hall · Umbrella";
    await bob.press("Share screen");
    await bob.says("You are sharing your screen");
    assert.equal(await bob.page.title(), "Sharing your screen · hall · Umbrella");
    await accessible(bob, "sharing the screen");
    await shoot(bob, "sharing");
    await bob.press("Stop sharing your screen");
    await until("the bar has gone", 10_000, 50, barGone);
    // The browser's own bar has a button as well.
    await bob.press("Share screen");
    const screen = '[data-own="true"][data-source="screen"] video';
    await bob.page.waitForSelector(screen);
    await bob.page.$eval(screen, (video) => video.srcObject.getTracks()[0].dispatchEvent(new Event("ended")));
    await bob.says("Your screen is no longer shared.");
    await until("the bar has gone again", 10_000, 50, barGone);
  });
});
