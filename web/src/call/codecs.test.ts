import assert from "node:assert/strict";
import { test } from "node:test";
import { canPlay, codecName } from "./codecs";

test("codecs are called what people call them", () => {
  const cases: [mimeType: string, name: string][] = [
    ["video/H264", "H.264"],
    ["video/h265", "H.265"],
    ["video/VP8", "VP8"],
    ["video/AV1", "AV1"],
    ["audio/opus", "Opus"],
    ["audio/PCMU", "G.711"],
    ["video/x-new", "X-NEW"],
  ];
  for (const [mimeType, name] of cases) assert.equal(codecName(mimeType), name);
});

test("what can be played", () => {
  const receivable = ["video/VP8", "audio/opus"];
  assert.equal(canPlay("video/vp8", receivable), true);
  assert.equal(canPlay("video/H264", receivable), false);
  assert.equal(canPlay("", receivable), true, "a node that does not say is believed");
});
