// Who may come in: a login makes invitations, an invitation opens a room and says
// what its guest may do there, and a moderator mutes, locks and removes.
import assert from "node:assert/strict";
import path from "node:path";
import { accessible } from "../lib/axe.mjs";
import { house } from "../lib/harness.mjs";
import { outside } from "../lib/outside.mjs";
import { until } from "../lib/wait.mjs";

const address = outside();
const uci = `
config umbrella 'main'
	list public_address '${address}'

config room
	option name 'board'
	option access 'token'
`;
const { daemon, scene } = await house({ uci, address: "" });
const origin = `https://${address}:${daemon.port}`;
const phone = { width: 360, height: 740 };

const shots = process.env.UMBRELLA_SHOTS;

scene("who may come in", 300, async ({ person, step }) => {
  const root = await person("Root", { width: 1280, height: 800 });
  const ada = await person("Ada");
  const bob = await person("Bob");
  const eve = await person("Eve", phone);
  const zoe = await person("Zoe", phone);
  /** As axe sees it on a phone; with a picture of each size, where pictures are wanted. */
  const look = async (who, what) => {
    const before = who.page.viewport();
    if (shots) await who.page.screenshot({ path: path.join(shots, `${what}-${before.width}.png`) });
    const other = before.width === phone.width ? { width: 1280, height: 800 } : phone;
    if (shots) {
      await who.page.setViewport(other);
      await who.page.screenshot({ path: path.join(shots, `${what}-${other.width}.png`) });
    }
    await who.page.setViewport(phone);
    await accessible(who, what);
    await who.page.setViewport(before);
  };
  let invitations;

  await step("a login", async () => {
    root.stranger = true;
    await root.page.goto(`${origin}/servers`);
    await root.type('input[name="password"]', "not the one");
    await root.press("Log in");
    await root.says("The password is wrong");
    await look(root, "login");
    const made = /admin password made.*? password=(\S+)/;
    const [, password] = await until("the log has the password", 5_000, 50, () => made.exec(daemon.log));
    await root.type('input[name="password"]', password);
    await root.press("Log in");
    await root.says("Make an invitation");
  });

  await step("an invitation", async () => {
    await root.press("Make an invitation");
    await root.page.waitForSelector("dialog input[name=room]");
    assert.equal(await root.page.$eval("dialog input[name=room]", (field) => field.value), "board");
    await look(root, "invitation");
    await root.page.locator("dialog ::-p-text(Moderate)").click();
    await root.press("Make it");
    const link = await root.page.waitForSelector("dialog input[readonly]");
    const first = await link.evaluate((field) => field.value);
    assert.match(first, new RegExp(`^${origin}/sfu/board#token=`));
    assert.ok(await root.page.$("dialog svg.qr path"));
    await look(root, "invitation-made");
    await root.press("Done");
    // The others are made as the form makes them.
    const make = (body) =>
      root.page.evaluate(async (b) => {
        const answer = await fetch("invitations", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ room: "board", name: "", hours: 1, once: false, ...b }),
        });
        if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
        return (await answer.json()).url;
      }, body);
    invitations = {
      moderator: first,
      guest: await make({ rights: ["publish", "subscribe"] }),
      viewer: await make({ rights: ["subscribe"] }),
      sender: await make({ rights: ["publish"] }),
    };
  });

  await step("a logout", async () => {
    await root.page.goto(`${origin}/status`);
    await root.press("Log out");
    await root.page.waitForSelector('input[name="password"]');
    const status = await root.page.evaluate(async () => (await fetch("servers", { headers: { Accept: "application/json" } })).status);
    assert.equal(status, 401);
  });

  const follow = async (who, link) => {
    await who.page.goto(link);
    await who.page.waitForSelector('input[name="name"]');
    assert.ok(!who.page.url().includes("token"), who.page.url());
    await who.type('input[name="name"]', who.name);
  };

  await step("nobody comes in without one, nor with one that was changed", async () => {
    await follow(bob, `${origin}/sfu/board`);
    await bob.press("Join");
    await bob.says("This room is entered with an invitation");
    await follow(bob, `${invitations.guest}x`);
    await bob.says("You are invited to board");
    await bob.press("Join");
    await bob.says("Your invitation does not let you in");
    await bob.press("Try without it");
    await bob.says("Room board");
  });

  await step("with one they do, and again after a reload", async () => {
    await follow(ada, invitations.moderator);
    await look(ada, "lobby");
    await ada.page.reload();
    await ada.says("You are invited to board");
    await ada.type('input[name="name"]', "Ada");
    await ada.ready();
    await ada.press("Join");
    await ada.state("joined");
    // Opened in the tab that has the room open.
    await follow(bob, invitations.guest);
    await bob.says("You are invited to board");
    await bob.ready();
    await bob.press("Join");
    await bob.state("joined");
    await bob.meets(["Ada"]);
    await ada.meets(["Bob"]);
  });

  await step("whoever is invited to watch sends nothing", async () => {
    await follow(eve, invitations.viewer);
    await eve.ready();
    await eve.press("Join");
    await eve.state("joined");
    await eve.says("Your invitation is to watch");
    await eve.meets(["Ada"]);
    assert.equal(await eve.page.evaluate(() => window.umbrella.publishPC), null);
    assert.ok(!(await eve.hasButton("Mute microphone")));
    assert.deepEqual(await eve.page.evaluate(() => [...document.querySelectorAll("video")].filter((v) => v.srcObject?.getTracks().length).length), 2);
  });

  await step("a moderator mutes, until they unmute themselves", async () => {
    assert.ok(!(await bob.hasButton("Mute or remove Ada")));
    await ada.press("People");
    await look(ada, "people");
    await ada.press("Mute or remove Bob");
    await ada.page.waitForSelector("dialog");
    await look(ada, "moderation");
    await ada.page.locator("dialog ::-p-text(Mute)").click();
    await bob.says("A moderator has muted you");
    await until("Bob is muted for Ada", 5_000, 50, async () => (await ada.tiles()).find((t) => t.name === "Bob")?.muted);
    const { Bob: silent } = await ada.heard();
    await bob.press("Unmute microphone");
    await until("Ada hears Bob again", 10_000, 100, async () => (await ada.heard()).Bob.energy > silent.energy);
    await bob.press("Turn camera on");
    await ada.meets(["Bob"]);
  });

  await step("a moderator locks the room", async () => {
    await ada.press("Lock the room");
    await bob.says("nobody else can come in");
    await bob.page.waitForSelector(".lock-mark");
    await look(bob, "locked");
    await follow(zoe, invitations.guest);
    await zoe.press("Join");
    await zoe.says("This room is locked");
    await ada.press("Unlock the room");
    await bob.says("The room is open again");
    await until("the mark is gone", 5_000, 50, async () => (await bob.page.$(".lock-mark")) === null);
  });

  await step("whoever is invited to send receives nothing, and is told", async () => {
    await follow(zoe, invitations.sender);
    await zoe.ready();
    await zoe.press("Join");
    await zoe.state("joined");
    await zoe.says("you cannot see or hear the others");
    await ada.meets(["Zoe"]);
    assert.deepEqual(await zoe.page.evaluate(() => [...window.umbrella.state.streams.keys()]), []);
    await look(zoe, "sender");
  });

  await step("a moderator removes", async () => {
    await ada.press("Mute or remove Bob");
    await ada.page.locator("dialog ::-p-text(Remove)").click();
    await ada.says("Remove Bob?");
    await look(ada, "remove");
    await ada.press("Remove");
    await bob.state("failed");
    await bob.says("You were removed from the call");
    await until("Bob is gone", 5_000, 50, async () => (await ada.tiles()).every((t) => t.name !== "Bob"));
  });
});
