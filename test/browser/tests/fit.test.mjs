// What a call looks like on small screens, with large text and in few colours: nothing
// is cut off, and no words stand on others.
import assert from "node:assert/strict";
import { crowd } from "../lib/crowd.mjs";
import { house } from "../lib/harness.mjs";
import { sleep, until } from "../lib/wait.mjs";

const { daemon, scene } = await house();
const screens = [
  [280, 653],
  [320, 568],
  [390, 844],
  [568, 320],
  [740, 500],
  [1280, 800],
];

/** Pairs of things that cover each other, and what is cut off by the screen. */
function faults(shown) {
  const boxes = shown.flatMap(([what, selector]) =>
    [...document.querySelectorAll(selector)]
      .map((element) => ({ what, element, box: element.getBoundingClientRect() }))
      .filter(({ box, element }) => box.width > 1 && box.height > 1 && getComputedStyle(element).visibility !== "hidden"),
  );
  const name = ({ what, element }) => `${what} "${(element.getAttribute("aria-label") ?? element.innerText).slice(0, 30)}"`;
  const found = [];
  for (const [i, one] of boxes.entries()) {
    if (one.what === "button" && (one.box.left < 0 || one.box.right > innerWidth + 0.5 || one.box.bottom > innerHeight + 0.5)) {
      found.push(`${name(one)} is cut off`);
    }
    for (const other of boxes.slice(i + 1)) {
      const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const down = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      if (across > 1 && down > 1) found.push(`${name(one)} covers ${name(other)}`);
    }
  }
  return found;
}

const inCall = [
  ["toast", ".toast"],
  ["button", ".controls button"],
  ["name", ".tile-label"],
];
const withPanel = [
  ["toast", ".toast"],
  ["button", ".panel button"],
  ["last message", ".message:last-child .message-text"],
  ["field", ".chat-form textarea"],
];

scene("the looks of a call", 180, async ({ person, step }) => {
  const ada = await person("Ada");
  const dana = await person("דנה בן-דוד הכהן מירושלים והגליל העליון");
  const bob = await person("Bob");
  await ada.join(daemon, "den");
  await dana.join(daemon, "den");
  await bob.join(daemon, "den", { watch: true });
  await bob.press("Chat");
  const say = async (text) => {
    await bob.page.evaluate((text) => {
      const field = document.querySelector(".chat-input");
      field.value = text;
      field.dispatchEvent(new Event("input"));
    }, text);
    await bob.press("Send");
    await until("the toast is there", 10_000, 20, () =>
      ada.page.evaluate((text) => [...document.querySelectorAll(".toast")].some((t) => t.innerText.includes(text)), text),
    );
  };
  const look = async (what, size, shown) => {
    const found = await ada.page.evaluate(faults, shown);
    assert.deepEqual(found, [], `${what} at ${size}`);
  };

  await step("sentences cover nothing, and all buttons have room", async () => {
    for (const [width, height] of screens) {
      await ada.page.setViewport({ width, height });
      const size = `${width} by ${height}`;
      await say(`A message that takes more than one line on small screens, at ${size}`);
      await look("the call", size, inCall);
      await ada.press("Chat");
      await ada.page.waitForSelector(".chat-form textarea");
      await look("the chat", size, withPanel);
      await ada.press("Close panel");
    }
  });

  await step("all buttons have room when the text is twice as large", async () => {
    for (const [width, height] of screens) {
      await ada.page.setViewport({ width, height });
      await ada.page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
      await sleep(200);
      // Beside the name of the room, the link gives way as the name does.
      await look("large text", `${width} by ${height}`, [["button", ".controls-main button, .controls-end button"]]);
      await ada.page.evaluate(() => (document.documentElement.style.fontSize = ""));
    }
  });

  await step("names from right to left keep their beginning", async () => {
    await ada.page.setViewport({ width: 320, height: 568 });
    const ways = () =>
      ada.page.evaluate(() =>
        [...document.querySelectorAll(".tile-name")].filter((n) => n.innerText.startsWith("דנה")).map((n) => getComputedStyle(n).direction),
      );
    assert.deepEqual(await ways(), ["rtl"]);
    await ada.press("People");
    await ada.page.waitForSelector(".person-name");
    const cut = await ada.page.evaluate(() =>
      [...document.querySelectorAll(".person-name")].filter((n) => n.scrollWidth > n.clientWidth || n.scrollHeight > n.clientHeight).map((n) => n.innerText),
    );
    assert.deepEqual(cut, []);
    await ada.press("Close panel");
  });

  await step("few colours tell who speaks and who is muted", async () => {
    await ada.page.setViewport({ width: 1280, height: 800 });
    await dana.page.keyboard.press("m");
    const cdp = await ada.page.createCDPSession();
    await cdp.send("Emulation.setEmulatedMedia", { features: [{ name: "forced-colors", value: "active" }] });
    await until("Dana's tile says that she is muted", 10_000, 50, () => ada.page.evaluate(() => document.querySelector(".tile-muted") !== null));
    await sleep(300);
    const seen = await ada.page.evaluate(() => {
      const probe = document.createElement("p");
      probe.style.color = "CanvasText";
      document.body.append(probe);
      const { color } = getComputedStyle(probe);
      probe.remove();
      const style = (selector, pseudo) => getComputedStyle(document.querySelector(selector), pseudo);
      return {
        muted: style(".tile-muted").stroke === color,
        quiet: style(".tile:not(.tile-speaking)", "::after").borderTopColor,
        text: color,
        off: style(".round-off, .controls .round").borderTopStyle,
        leave: style(".round-danger").borderTopWidth,
      };
    });
    assert.equal(seen.muted, true, "the mark of a muted microphone is not in the colour of text");
    assert.notEqual(seen.quiet, seen.text, "everybody looks like they speak");
    assert.notEqual(seen.off, "none");
    assert.notEqual(seen.leave, "0px");
    await cdp.send("Emulation.setEmulatedMedia", { features: [] });
    await cdp.detach();
  });

  await step("no words stand on others on twenty tiles", async () => {
    const many = await person("Many");
    await crowd(many, daemon, "den", Array.from({ length: 18 }, (_, i) => `Somebody-with-a-name-${i + 1}`));
    await until("all are there", 20_000, 100, async () => (await ada.tiles()).length === 20);
    for (const [width, height] of [[320, 568], [568, 320], [1280, 800]]) {
      await ada.page.setViewport({ width, height });
      await sleep(300);
      const found = await ada.page.evaluate(() =>
        [...document.querySelectorAll("[data-tile]")].flatMap((tile) => {
          const edge = tile.getBoundingClientRect();
          const boxes = [...tile.querySelectorAll(".tile-label, .face-note, .avatar")].map((e) => [e, e.getBoundingClientRect()]);
          return boxes.flatMap(([e, b], i) => [
            ...(b.right > edge.right + 1 || b.bottom > edge.bottom + 1 || b.top < edge.top - 1 ? [`${e.className} leaves ${tile.ariaLabel}`] : []),
            ...boxes
              .slice(i + 1)
              .filter(([, o]) => Math.min(b.right, o.right) - Math.max(b.left, o.left) > 1 && Math.min(b.bottom, o.bottom) - Math.max(b.top, o.top) > 1)
              .map(([o]) => `${e.className} and ${o.className} on ${tile.ariaLabel}`),
          ]);
        }),
      );
      assert.deepEqual(found, [], `${width} by ${height}`);
    }
  });
});

scene("the pages on small screens", 90, async ({ person, step }) => {
  const eve = await person("Eve");
  // Of the page that is not there, the browser writes itself.
  const mistyped = "/sfu/no such room";

  await step("are as wide as the screen, with large text too", async () => {
    await eve.page.setViewport({ width: 320, height: 568 });
    for (const [at, shown] of [["/sfu/den", "form"], ["/status", ".figures"], ["/servers", ".section-head"], ["/trust", "main"], [mistyped, "main"]]) {
      await eve.page.goto(daemon.url(at));
      await eve.page.waitForSelector(shown);
      for (const size of ["100%", "200%"]) {
        const over = await eve.page.evaluate((size) => {
          document.documentElement.style.fontSize = size;
          return document.documentElement.scrollWidth - innerWidth;
        }, size);
        assert.ok(over <= 0, `${at} is ${over} pixels too wide with text of ${size}`);
      }
    }
  });

  await step("one that is not there leads to the calls", async () => {
    await eve.says("This page is not here");
    await eve.page.click('a[href="sfu"]');
    await eve.page.waitForSelector('input[name="room"]');
    eve.complaints = eve.complaints.filter((c) => !c.includes("404"));
  });
});
