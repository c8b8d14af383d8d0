// WHIP and WHEP beside the client, in both browsers.
import assert from "node:assert/strict";
import { house } from "../lib/harness.mjs";
import { until } from "../lib/wait.mjs";
import { Wish } from "../lib/whip.mjs";

const { daemon, scene } = await house({
  uci: `
config room
	option name 'vault'
	option access 'password'
	option password 'sesame'
`,
});

/** Waits until a player has decoded frames and heard sound of as many. */
async function plays(player, { videos, audios }) {
  let seen;
  try {
    await until("", 40_000, 250, async () => {
      seen = await player.received();
      return seen.frames.filter((n) => n >= 15).length === videos && seen.energy.filter((e) => e > 0).length === audios;
    });
  } catch {
    throw new Error(`the player wants ${videos} pictures and ${audios} sounds, and has ${JSON.stringify(seen)}`);
  }
}

scene("WHIP publishers and WHEP players meet the client's people", 120, async ({ person, step }) => {
  const ada = await person("Ada");
  const [film, guest] = await Promise.all([
    person("Film").then((p) => Wish.open(p, daemon)),
    person("Guest", { kind: "firefox" }).then((p) => Wish.open(p, daemon)),
    ada.join(daemon, "hall"),
  ]);
  const locations = {};

  await step("a WHIP publisher is seen and heard by the client", async () => {
    const answer = await film.publish("/whip/hall?name=Film");
    assert.equal(answer.status, 201, answer.body);
    assert.ok(answer.location, "no Location");
    locations.film = answer.location;
    await ada.meets(["Film"]);
    assert.ok((await ada.tiles()).some((tile) => tile.name === "Film" && !tile.own));
  });

  await step("so is one in Firefox", async () => {
    const answer = await guest.publish("/whip/hall?name=Guest");
    assert.equal(answer.status, 201, answer.body);
    await ada.meets(["Film", "Guest"]);
    locations.guest = answer.location;
  });

  await step("a DELETE ends it, once", async () => {
    assert.equal(await guest.remove(locations.guest), 200);
    await until("the guest has gone", 10_000, 50, async () => (await ada.tiles()).every((tile) => tile.name !== "Guest"));
    assert.equal(await guest.remove(locations.guest), 404);
    await guest.page.evaluate(() => window.pc.close());
  });

  await step("a WHEP player has the whole room", async () => {
    const player = await Wish.open(await person("Screen"), daemon);
    const answer = await player.play("/whep/hall", { videos: 2, audios: 2 });
    assert.equal(answer.status, 201, answer.body);
    await plays(player, { videos: 2, audios: 2 });
    assert.ok((await ada.tiles()).every((tile) => ["Ada", "Film"].includes(tile.name)), "a player has a tile");
    assert.equal(await player.remove(answer.location), 200);
  });

  await step("a WHEP player in Firefox has one participant", async () => {
    const id = await ada.page.evaluate(() => window.umbrella.state.room.selfId);
    const answer = await guest.play(`/whep/hall/${id}`);
    assert.equal(answer.status, 201, answer.body);
    await plays(guest, { videos: 1, audios: 1 });
    assert.equal(await guest.remove(answer.location), 200);
  });
});

scene("a room's password is the bearer token", 60, async ({ person }) => {
  const player = await Wish.open(await person("Player"), daemon);
  player.page.removeAllListeners("console"); // the browser itself writes of 401
  for (const token of [undefined, "open"]) {
    for (const answer of [await player.publish("/whip/vault", token), await player.play("/whep/vault", { token })]) {
      assert.equal(answer.status, 401, answer.body);
      assert.match(answer.body, /password/);
    }
  }
  const answer = await player.publish("/whip/vault?name=Thief", "sesame");
  assert.equal(answer.status, 201, answer.body);
  assert.equal(await player.remove(answer.location), 200);
});
