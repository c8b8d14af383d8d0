// What goes wrong is said in words.
import { house } from "../lib/harness.mjs";
import { until } from "../lib/wait.mjs";
import assert from "node:assert/strict";

const uci = `
config room
	option name 'small'
	option max_participants '1'

config room
	option name 'locked'
	option access 'password'
	option password 'open sesame 1001'

config room
	option name 'invited'
	option access 'token'
`;
const { daemon, scene } = await house({ uci });

scene("doors", 300, async ({ person, step }) => {
  const ada = await person("Ada");
  const bob = await person("Bob");

  await step("a room that is full", async () => {
    await ada.join(daemon, "small");
    await enter(bob, "small");
    await bob.says("This room is full");
    await ada.press("Leave");
    await ada.state("left");
    await bob.press("Join");
    await bob.state("joined");
    await bob.press("Leave");
  });

  await step("a password", async () => {
    await enter(bob, "locked");
    await bob.says("This room has a password");
    await bob.type('input[name="password"]', "open sesame 1002");
    await bob.press("Join");
    await bob.says("That password is not right");
    await bob.type('input[name="password"]', "open sesame 1001");
    await bob.press("Join");
    await bob.state("joined");
    await bob.press("Leave");
  });

  await step("a room for tokens", async () => {
    await enter(bob, "invited");
    await bob.says("This room is entered with an invitation");
  });

  await step("names that cannot be", async () => {
    await bob.page.goto(daemon.url("/sfu"));
    await bob.type('input[name="room"]', "what?");
    await bob.press("Join");
    await bob.says("cannot be in a room's name");
    const answer = await bob.page.goto(daemon.url("/sfu/what%3F"));
    assert.equal(answer.status(), 404);
    assert.match(await bob.text(), /room/i);
    // The browser itself complains of the status.
    bob.complaints = bob.complaints.filter((text) => !text.includes("404"));
  });

  await step("a daemon that is gone", async () => {
    await bob.visit(daemon, "den");
    await bob.ready();
    await bob.type('input[name="name"]', "Bob");
    bob.outage = true;
    await daemon.stop();
    await bob.press("Join");
    await bob.says("does not answer");
    await daemon.run();
    await bob.press("Join");
    await bob.state("joined");
  });
});

scene("devices", 300, async ({ person, step }) => {
  await step("not allowed", async () => {
    const shy = await person("Shy", { launch: { allow: false } });
    await shy.page.browserContext().overridePermissions(daemon.url("").replace(/\/$/, ""), []);
    await shy.visit(daemon, "den");
    await shy.says("not allowed");
    await shy.type('input[name="name"]', "Shy");
    await shy.press("Join");
    await shy.state("joined");
    await until("Shy is marked as muted", 10_000, 100, async () => (await shy.tiles())[0]?.muted);
  });

  await step("none there", async () => {
    const bare = await person("Bare", { launch: { device: null } });
    await bare.visit(daemon, "den");
    await bare.says("not found");
    await bare.type('input[name="name"]', "Bare");
    await bare.press("Join");
    await bare.state("joined");
  });
});

async function enter(somebody, room) {
  await somebody.visit(daemon, room);
  await somebody.ready();
  await somebody.type('input[name="name"]', somebody.name);
  await somebody.press("Join");
}
