// Every page for everybody: axe finds nothing, nothing is wider than the
// screen, and a keyboard is enough.
import assert from "node:assert/strict";
import { accessible } from "../lib/axe.mjs";
import { crowd } from "../lib/crowd.mjs";
import { house } from "../lib/harness.mjs";
import { until } from "../lib/wait.mjs";

const { daemon, scene } = await house();

const screens = [
  { width: 1280, height: 800 },
  { width: 360, height: 740 },
];

for (const { width, height } of screens) {
  scene(`axe at ${width} × ${height}`, 240, async ({ person, step }) => {
    const room = `salon-${width}`;
    const source = await person("Source");
    await crowd(source, daemon, room, [`Hedy-${width}`, `Grace-${width}`]);
    const ada = await person("Ada", { width, height });

    const look = (what) => step(what, () => accessible(ada, what));

    await ada.page.goto(daemon.url("/sfu"));
    await ada.ready();
    await look("the lobby of no room");
    await ada.visit(daemon, room);
    await ada.ready();
    await ada.page.$eval("details.lobby-devices > summary", (summary) => summary.click());
    await look("the lobby of a room");
    await ada.join(daemon, room);
    await until("pictures", 30_000, 200, async () => {
      const heard = await ada.heard();
      return Object.values(heard).filter(({ frames }) => frames > 0).length === 2;
    });
    await look("a call");
    await ada.press("Chat");
    await ada.type("textarea", "See https://example.org/ for more.");
    await ada.page.keyboard.press("Enter");
    await ada.says("for more");
    await look("the chat");
    await ada.press("Close panel");
    await ada.press("People");
    await look("the people list");
    await ada.press("Close panel");
    await ada.press("More");
    await look("the menu");
    await ada.page.keyboard.press("Escape");
    await ada.page.keyboard.press("?");
    await ada.says("Open or close the chat");
    await look("the help");
    await ada.page.keyboard.press("Escape");
    await ada.page.keyboard.press("m");
    await ada.page.keyboard.press("v");
    await look("muted, without a picture");
    await ada.page.goto(daemon.url("/status"));
    await ada.says(`Hedy-${width}`);
    await look("the status page");
    await ada.page.goto(daemon.url("/trust"));
    await look("the page about the CA");
    await ada.page.goto(daemon.url(`/sfu/${room}`));
    await ada.press("Just watch");
    await ada.state("joined");
    await ada.press("Leave");
    await ada.state("left");
    await look("the page after a call");
  });
}

scene("with the keyboard alone", 300, async ({ person, step }) => {
  const ada = await person("Ada");
  const bob = await person("Bob");
  await bob.join(daemon, "study");
  const { keyboard } = ada.page;
  const focus = () =>
    ada.page.evaluate(() => {
      const at = document.activeElement;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
      return {
        name: at.getAttribute("aria-label") ?? at.name ?? at.textContent.trim(),
        text: at.textContent.trim(),
        shown: at.matches(":focus-visible") && ((outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none"),
      };
    });
  /** Tabs on until something of that name has the focus. */
  const tabTo = async (name) => {
    for (let i = 0; i < 40; i++) {
      await keyboard.press("Tab");
      const at = await focus();
      if (at.name === name || at.text === name) {
        assert.ok(at.shown, `it cannot be seen that ${name} has the focus`);
        return;
      }
    }
    throw new Error(`the Tab key does not come to ${name}`);
  };

  await step("joins", async () => {
    await ada.visit(daemon, "study");
    await ada.ready();
    await tabTo("name");
    await keyboard.type("Ada");
    await tabTo("Join");
    await keyboard.press("Enter");
    await ada.state("joined");
    await ada.meets(["Bob"]);
  });
  const mutedAtBobs = (muted) =>
    until(`Ada is ${muted ? "" : "not "}muted at Bob's`, 10_000, 100, async () =>
      (await bob.tiles()).some((tile) => tile.name === "Ada" && tile.muted === muted),
    );
  await step("mutes by a key of its own", async () => {
    await keyboard.press("m");
    await mutedAtBobs(true);
    await keyboard.press("m");
    await mutedAtBobs(false);
  });
  await step("mutes by the button", async () => {
    await tabTo("Mute microphone");
    await keyboard.press("Space");
    await mutedAtBobs(true);
    await until("the focus stays", 5_000, 50, async () => (await focus()).name === "Unmute microphone");
    await keyboard.press("Space");
    await mutedAtBobs(false);
  });
  await step("writes, and comes back out of the chat", async () => {
    await tabTo("Chat");
    await keyboard.press("Enter");
    await until("the focus is where one writes", 5_000, 50, async () => (await focus()).name === "Message to everyone");
    await keyboard.type("mvs"); // no shortcuts while typing
    await keyboard.press("Enter");
    await bob.press("Chat");
    await bob.says("mvs");
    await mutedAtBobs(false);
    await keyboard.press("Escape");
    await until("the focus comes back", 5_000, 50, async () => (await focus()).name === "Chat");
  });
  await step("leaves", async () => {
    await tabTo("Leave");
    await keyboard.press("Enter");
    await ada.state("left");
  });
});
