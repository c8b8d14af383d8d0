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
  let password;

  await step("a login", async () => {
    root.stranger = true;
    await root.page.goto(`${origin}/servers`);
    await root.type('input[name="password"]', "not the one");
    await root.press("Log in");
    await root.says("The password is wrong");
    await look(root, "login");
    const made = /admin password made.*? password=(\S+)/;
    [, password] = await until("the log has the password", 5_000, 50, () => made.exec(daemon.log));
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
      named: await make({ rights: ["publish", "subscribe"], name: "علی\u200cرضا", once: true }),
      revoked: await make({ rights: ["publish", "subscribe"], name: "Mallory" }),
    };
  });

  await step("one of them is revoked", async () => {
    const row = 'tr[data-invitation][data-revoked="false"]';
    await until("all of them are listed", 10_000, 100, async () => (await root.page.$$(row)).length === 6);
    await root.page.$eval("#invitations", (heading) => heading.scrollIntoView());
    await look(root, "invitations");
    await root.page.evaluate(() => [...document.querySelectorAll("tr[data-invitation]")].find((tr) => tr.textContent.includes("Mallory")).querySelector("button").click());
    await root.says("Nobody comes in by it any more");
    await look(root, "revoke");
    await root.page.locator("dialog .button-danger").click();
    await root.says("The invitation to board was revoked");
    await until("it is marked", 10_000, 100, async () => (await root.page.$$(row)).length === 5);
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
    await follow(bob, invitations.revoked);
    await bob.press("Join");
    await bob.says("was revoked");
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
    await ada.page.locator("dialog ::-p-text(Mute the microphone)").click();
    await ada.says("You have muted the microphone of Bob");
    await bob.says("A moderator has muted your microphone");
    await until("Bob is muted for Ada", 5_000, 50, async () => (await ada.tiles()).find((t) => t.name === "Bob")?.muted);
    assert.ok(await bob.hasButton("Turn camera off"), "the camera is still on");
    const { Bob: silent } = await ada.heard();
    await bob.press("Unmute microphone");
    await until("Ada hears Bob again", 10_000, 100, async () => (await ada.heard()).Bob.energy > silent.energy);
    await ada.press("Mute or remove Bob");
    await ada.page.locator("dialog ::-p-text(Turn the camera off)").click();
    await bob.says("A moderator has turned your camera off");
    assert.ok(await bob.hasButton("Mute microphone"), "the microphone is still on");
    await bob.press("Turn camera on");
    await ada.meets(["Bob"]);
  });

  await step("a moderator invites, and who may not is told who does", async () => {
    await bob.press("People");
    await bob.says("entered with an invitation, which moderators make");
    assert.ok(!(await bob.hasButton("Copy the link to invite")));
    await look(bob, "people-guest");
    await bob.press("Close panel");
    await ada.page.evaluate(() => {
      navigator.clipboard.writeText = (text) => Promise.resolve(void (window.copied = text));
    });
    await ada.press("Copy an invitation");
    await ada.says("Whoever has it can come in until");
    const link = await ada.page.evaluate(() => window.copied);
    await follow(zoe, link);
    await zoe.ready();
    await zoe.press("Join");
    await zoe.state("joined");
    await zoe.meets(["Ada", "Bob"]);
    await zoe.press("Leave");
    await zoe.state("left");
  });

  await step("an invitation for one guest has its name, and lets one browser in", async () => {
    await zoe.page.goto(`${origin}/sfu`);
    await zoe.page.goto(invitations.named);
    await zoe.says("Your invitation gives you this name");
    await look(zoe, "lobby-named");
    assert.equal(await zoe.page.$eval('input[name="name"]', (field) => field.value), "علی\u200cرضا");
    await zoe.ready();
    await zoe.press("Join");
    await zoe.state("joined");
    await ada.meets(["علی\u200cرضا"]);
    await eve.page.goto(`${origin}/sfu`);
    await eve.page.goto(invitations.named);
    await eve.says("You are invited to board");
    await eve.press("Join");
    await eve.says("somebody has used it");
    await zoe.page.reload();
    await zoe.ready();
    await zoe.press("Join");
    await zoe.state("joined");
    await ada.meets(["علی\u200cرضا"]);
    await zoe.press("Leave");
    await zoe.state("left");
    await zoe.page.goto(`${origin}/sfu`);
  });

  await step("a moderator locks the room", async () => {
    await ada.press("Lock the room");
    await bob.says("nobody else can come in");
    await bob.page.waitForSelector(".lock-mark");
    await look(bob, "locked");
    // Another browser than the one that has just left.
    await zoe.page.evaluate(() => localStorage.clear());
    await follow(zoe, invitations.guest);
    await zoe.press("Join");
    await zoe.says("This room is locked");
    // Who was in loads the page anew, and is in again.
    await bob.page.reload();
    await bob.ready();
    await bob.press("Join");
    await bob.state("joined");
    await ada.meets(["Bob"]);
    await zoe.press("Join");
    await zoe.says("This room is locked");
    await ada.press("Unlock the room");
    await bob.says("The room is open again");
    await until("the mark is gone", 5_000, 50, async () => (await bob.page.$(".lock-mark")) === null);
  });

  await step("a moderator makes another one, and takes it back", async () => {
    await ada.press("Mute or remove Bob");
    await ada.page.locator("dialog ::-p-text(Make a moderator)").click();
    await bob.says("You are a moderator now");
    await until("Ada sees it", 5_000, 50, async () => (await ada.page.$eval(".people", (e) => e.textContent)).includes("Bob · Moderator"));
    assert.ok(await bob.hasButton("Mute or remove Ada"));
    await ada.press("Mute or remove Bob");
    await look(ada, "moderation-moderator");
    await ada.page.locator("dialog ::-p-text(Take back the right)").click();
    await bob.says("You are no moderator any more");
  });

  await step("the admin's password makes a moderator on the local network", async () => {
    await bob.press("People");
    assert.ok(!(await bob.hasButton("Become a moderator")), "who comes from elsewhere is asked");
    // By loopback, which counts as the local network.
    zoe.stranger = true;
    await follow(zoe, invitations.guest.replace(address, "127.0.0.1"));
    await zoe.ready();
    await zoe.press("Join");
    await zoe.state("joined");
    await zoe.press("People");
    await zoe.press("Become a moderator");
    await zoe.type('input[name="admin-password"]', "not the one");
    await zoe.page.locator("dialog .button-main").click();
    await zoe.says("The password is wrong");
    await look(zoe, "become-moderator");
    await zoe.type('input[name="admin-password"]', password);
    await zoe.page.locator("dialog .button-main").click();
    await zoe.says("You are a moderator now");
    await until("the dialog is gone", 5_000, 50, async () => (await zoe.page.$("dialog")) === null);
    await zoe.page.goto(`${origin}/sfu`);
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
