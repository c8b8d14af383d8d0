// Pages whose scripts do not come: they say so, and come back by themselves.
import assert from "node:assert/strict";
import { house } from "../lib/harness.mjs";
import { until } from "../lib/wait.mjs";

const { daemon, scene } = await house();

/** Keeps what matches from a page for as long as `blocks` says so. */
async function keepFrom(who, matches, blocks) {
  // The browser writes of what it could not load, and of nothing else here.
  who.complaints.push = () => 0;
  await who.page.setRequestInterception(true);
  who.page.on("request", (request) => {
    if (matches.test(new URL(request.url()).pathname) && blocks()) void request.abort("connectionreset");
    else void request.continue();
  });
}

scene("a page that shows nothing", 120, async ({ person, step }) => {
  let loads = 0;
  const count = (who) => who.page.on("framenavigated", () => loads++);

  await step("is loaded again by itself, and works then", async () => {
    const pages = [
      ["/sfu/den", /\/app-/, 'input[name="name"]'],
      ["/status", /\/status-[^/]*js/, ".figures"],
      ["/servers", /\/servers-[^/]*js/, ".status"],
    ];
    await Promise.all(
      pages.map(async ([at, script, shows]) => {
        const who = await person(`Page${at.replaceAll("/", "-")}`);
        let blocked = true;
        await keepFrom(who, script, () => blocked);
        await who.page.goto(daemon.url(at));
        assert.match(await who.text(), /Loading/);
        await who.says("This page did not start. It will be loaded again");
        blocked = false;
        await who.page.waitForSelector(shows);
        assert.doesNotMatch(await who.text(), /Loading|did not start/);
      }),
    );
  });

  await step("is loaded again once, and then offers a button", async () => {
    const who = await person("Again");
    await keepFrom(who, /\/app-/, () => true);
    count(who);
    await who.page.goto(daemon.url("/sfu/den"));
    await who.says("although it was loaded again", 60_000);
    assert.ok(await who.hasButton("Reload the page"));
    assert.equal(loads, 2);
  });
});

scene("a call whose code does not come", 120, async ({ person, step }) => {
  // The page's start names its own chunks; the others are the call's.
  const page = (await daemon.get("/sfu/den", { accept: "text/html" })).body.toString();
  const later = { test: (at) => at.includes("/chunk-") && !page.includes(at.slice(1)) };

  await step("is tried again before anybody notices", async () => {
    const ada = await person("Ada");
    let kept = 0;
    await keepFrom(ada, later, () => kept++ < 2);
    await ada.join(daemon, "den");
    await ada.page.waitForSelector("[data-tile]");
    assert.ok(kept > 2, "nothing was kept from the page");
  });

  await step("is told, and the page loads itself again", async () => {
    const bob = await person("Bob");
    let blocked = true;
    await keepFrom(bob, later, () => blocked);
    await bob.visit(daemon, "den");
    await bob.type('input[name="name"]', "Bob");
    await bob.press("Join");
    await bob.says("A part of this page could not be loaded");
    blocked = false;
    await bob.says("It will be loaded again");
    await until("the page is another", 30_000, 100, async () => !(await bob.text()).includes("could not be loaded"));
    await bob.press("Join");
    await bob.page.waitForSelector("[data-tile]");
  });
});
