// How long from pressing 'Join' to the first picture of somebody else.
import assert from "node:assert/strict";
import { house } from "../lib/harness.mjs";
import { median } from "../lib/wait.mjs";

const { daemon, scene } = await house();
const tries = 5;
const allowed = 1_000; // milliseconds, of the median

scene("the first picture after Join", 240, async ({ person, step }) => {
  const host = await person("Host");
  await host.join(daemon, "hall");
  for (const kind of ["chromium", "firefox"]) {
    await step(`in ${kind}`, async () => {
      const guest = await person(`Guest-in-${kind}`, { kind });
      const times = [];
      for (let i = 0; i < tries; i++) {
        await guest.visit(daemon, "hall");
        await guest.ready();
        await guest.type('input[name="name"]', "Guest");
        await guest.page.evaluate(watchForPicture);
        await guest.press("Join");
        times.push(await guest.page.evaluate(() => window.firstPicture));
      }
      const middle = median(times);
      console.log(
        `first picture after Join in ${kind}: median ${Math.round(middle)} ms of ${times.map((t) => Math.round(t)).join(", ")}`,
      );
      assert.ok(middle < allowed, `the median is ${middle} ms, ${allowed} are allowed`);
    });
  }
});

// In the page: firstPicture is the time from the press of the button to the
// frame that the browser puts on the screen.
function watchForPicture() {
  window.firstPicture = new Promise((resolve) => {
    addEventListener(
      "click",
      ({ timeStamp: pressed }) => {
        const look = () => {
          const video = document.querySelector('[data-tile][data-own="false"] video');
          if (!video) {
            requestAnimationFrame(look);
            return;
          }
          const shown = () => resolve(performance.now() - pressed);
          // A frame may have come before there was somebody to tell.
          if (video.getVideoPlaybackQuality().totalVideoFrames > 0) shown();
          else video.requestVideoFrameCallback(shown);
        };
        look();
      },
      { capture: true, once: true },
    );
  });
}
