import assert from "node:assert/strict";
import { test } from "node:test";
import { encodingPlans, filled, fitEncodings, type Fit } from "./encodings";

const hd = { width: 1280, height: 720 };
const limit = 1_500_000;
const fit: Fit = { screen: false, size: hd, limit, demand: null };

test("what browsers are asked for, the best first", () => {
  const brief = (screen: boolean, codec: Parameters<typeof encodingPlans>[1]) =>
    encodingPlans(screen, codec).map((plan) => plan.map((e) => `${e.rid ?? ""}/${e.scalabilityMode ?? ""}`).join(" "));
  const simulcast = ["q/L1T3 h/L1T3 f/L1T3", "q/L1T2 h/L1T2 f/L1T2", "q/ h/ f/", "/"];
  assert.deepEqual(brief(false, ""), simulcast);
  assert.deepEqual(brief(false, "VP8"), simulcast);
  assert.deepEqual(brief(false, "H264"), ["q/ h/ f/", "/"]);
  assert.deepEqual(brief(false, "VP9"), ["/L3T3_KEY", "/L1T3", "/L1T2", "/", "/"]);
  assert.deepEqual(brief(false, "AV1"), ["/L3T3_KEY", "/L1T3", "/L1T2", "/", "/"]);
  assert.deepEqual(brief(true, ""), ["h/L1T3 f/L1T3", "h/L1T2 f/L1T2", "h/ f/", "/"]);
  assert.deepEqual(brief(true, "VP9"), ["/L1T3", "/L1T2", "/", "/"]);
});

test("small pictures have fewer encodings, whichever way they are turned", () => {
  const cases: [width: number, height: number, of: number, filled: number][] = [
    [1920, 1080, 3, 3],
    [1280, 720, 3, 3],
    [720, 1280, 3, 3],
    [960, 540, 3, 3],
    [848, 480, 3, 2],
    [640, 480, 3, 2],
    [360, 640, 3, 2],
    [480, 270, 3, 2],
    [320, 240, 3, 1],
    [16, 16, 3, 1],
    [2560, 1440, 2, 2],
    [300, 200, 2, 1],
    [1280, 720, 1, 1],
    [1280, 720, 0, 0],
  ];
  for (const [width, height, of, n] of cases) assert.equal(filled(of, { width, height }), n, `${width}×${height} of ${of}`);
  assert.equal(filled(3, null), 3, "no picture yet");
});

const encodings = (...rids: string[]): RTCRtpEncodingParameters[] => rids.map((rid) => ({ rid }));

test("how each encoding is sent", () => {
  const cases: [name: string, rids: string[], fit: Partial<Fit>, want: string][] = [
    ["720p", ["q", "h", "f"], {}, "q:4:150000 h:2:500000 f:1:1500000"],
    ["360p", ["q", "h", "f"], { size: { width: 640, height: 360 } }, "q:2:500000 h:1:1500000 -f"],
    ["180p", ["q", "h", "f"], { size: { width: 320, height: 180 } }, "q:1:1500000 -h -f"],
    ["no picture yet", ["q", "h", "f"], { size: null }, "q:4:150000 h:2:500000 f:1:1500000"],
    ["a screen", ["h", "f"], { screen: true, limit: 2_400_000 }, "h:2:400000 f:1:2400000"],
    ["a small window", ["h", "f"], { screen: true, size: { width: 300, height: 200 } }, "h:1:1500000 -f"],
    ["one is taken", ["q", "h", "f"], { demand: ["h"] }, "-q h:2:500000 -f"],
    ["two are taken", ["q", "h", "f"], { demand: ["f", "q"] }, "q:4:150000 -h f:1:1500000"],
    ["nothing is taken", ["q", "h", "f"], { demand: [] }, "-q -h -f"],
    [
      "what the picture is too small for is met by the largest",
      ["q", "h", "f"],
      { demand: ["f"], size: { width: 640, height: 360 } },
      "-q h:1:1500000 -f",
    ],
    [
      "unless something else is taken",
      ["q", "h", "f"],
      { demand: ["f", "q"], size: { width: 640, height: 360 } },
      "q:2:500000 -h -f",
    ],
    ["a name that nobody knows", ["q", "h", "f"], { demand: ["x"] }, "-q -h -f"],
    // Chromium keeps the name of an encoding that is left alone.
    ["alone after all", ["q"], { demand: [""] }, "q:1:1500000"],
    ["alone, and not taken", ["q"], { demand: [] }, "-q"],
    ["no encodings", [], {}, ""],
  ];
  for (const [name, rids, more, want] of cases) {
    const list = encodings(...rids);
    fitEncodings(list, { ...fit, ...more });
    const got = list.map((e) => (e.active ? `${e.rid ?? ""}:${e.scaleResolutionDownBy ?? 0}:${e.maxBitrate ?? 0}` : `-${e.rid ?? ""}`));
    assert.equal(got.join(" "), want, name);
  }
});

test("tells whether there is anything to set", () => {
  const list = encodings("q", "h", "f");
  assert.equal(fitEncodings(list, fit), true);
  assert.equal(fitEncodings(list, fit), false);
  assert.equal(fitEncodings(list, { ...fit, demand: ["q", "h", "f"] }), false);
  assert.equal(fitEncodings(list, { ...fit, demand: ["q", "h"] }), true);
  assert.equal(fitEncodings(list, { ...fit, demand: ["q", "h"], limit: 400_000 }), true);
});
