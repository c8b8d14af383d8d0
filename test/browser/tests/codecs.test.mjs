// Each codec that a browser can send, with the layers it is sent in.
import assert from "node:assert/strict";
import { house } from "../lib/harness.mjs";
import { until } from "../lib/wait.mjs";

const { daemon, scene } = await house();
const launch = { device: "fps=15" };

// By encodings (simulcast) or by layers within one (SVC).
const choices = [
  { codec: "VP8", encodings: 3 },
  { codec: "H264", encodings: 3 },
  { codec: "VP9", encodings: 1 },
  { codec: "AV1", encodings: 1 },
];

for (const { codec, encodings } of choices) {
  scene(`${codec} in layers`, 90, async ({ person, step }) => {
    const room = `codec-${codec.toLowerCase()}`;
    const ada = await person("Ada", { launch, quality: "standard", codec });
    await ada.join(daemon, room);
    const eve = await person("Eve", { launch, width: 1000, height: 700 });
    await eve.join(daemon, room, { watch: true });

    const track = async () => {
      const { participants } = (await daemon.status()).rooms.find((r) => r.name === room);
      return participants.find((p) => p.name === "Ada").tracks.find((t) => t.kind === "TRACK_KIND_VIDEO");
    };
    const size = () =>
      eve.page.evaluate(() => Math.max(0, ...[...document.querySelectorAll("[data-tile] video")].map((v) => v.videoHeight)));

    await step("is what is sent", async () => {
      await until("the picture moves", 30_000, 250, async () => ((await eve.heard()).Ada?.frames ?? 0) > 10);
      assert.equal((await track()).codec.toLowerCase(), `video/${codec.toLowerCase()}`);
      await until(`${encodings} encodings`, 15_000, 250, async () => (await track()).layers.length === encodings);
    });
    let large;
    await step("is large in a large tile", async () => {
      await until("the largest picture", 20_000, 500, async () => {
        large = await size();
        return large >= 480;
      });
    });
    await step("is small in a small one, and still moves", async () => {
      await eve.page.setViewport({ width: 260, height: 300 });
      await until("a smaller picture", 20_000, 250, async () => (await size()) < large);
      const before = (await eve.heard()).Ada.frames;
      await until("it moves", 10_000, 250, async () => (await eve.heard()).Ada.frames > before + 10);
    });
    await step("is large again", async () => {
      await eve.page.setViewport({ width: 1000, height: 700 });
      await until("the larger picture", 20_000, 250, async () => (await size()) === large);
      const before = (await eve.heard()).Ada.frames;
      await until("it moves", 10_000, 250, async () => (await eve.heard()).Ada.frames > before + 10);
    });
  });
}
