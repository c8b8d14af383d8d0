import assert from "node:assert/strict";
import { test } from "node:test";
import { layerWords, memoryLimits, millis, num, percent, plain, rate, size, span, taken, takers, totals, type SubscriptionStatus } from "./model";

test("numbers as protobuf's JSON has them", () => {
  assert.equal(num("12345678901"), 12345678901);
  assert.equal(num(7), 7);
  assert.equal(num(undefined), 0);
  assert.equal(num("x"), 0);
});

test("memory against the limits that hold", () => {
  const limit = { memoryLimitBytes: String(64 << 20), memoryMostNeededBytes: String(35 << 20), memoryLimitedBy: "the cgroup's memory" };
  assert.equal(
    memoryLimits({ ...limit, memoryAvailableBytes: String(80 << 20), memoryTotalBytes: String(128 << 20) }),
    "Memory: nobody else can join once calls need 35.0 MiB of the 64.0 MiB that Umbrella may use, by the cgroup's memory. 80.0 MiB of 128 MiB are free.",
  );
  assert.equal(memoryLimits({}), "Memory: Umbrella has no limit of its own.");
});

test("names of enums", () => {
  assert.equal(plain("TRACK_SOURCE_SCREEN_AUDIO", "TRACK_SOURCE"), "screen audio");
  assert.equal(plain("TRACK_SOURCE_UNSPECIFIED", "TRACK_SOURCE"), "");
  assert.equal(plain(undefined, "TRACK_SOURCE"), "");
  assert.equal(plain("NEW", "TRACK_SOURCE"), "new");
});

test("units", () => {
  assert.deepEqual([0, 1, 999, 1000, 48_400, 999_499, 999_500, 1_240_000, 12_400_000].map(rate), [
    "0", "1 b/s", "999 b/s", "1 kb/s", "48 kb/s", "999 kb/s", "1.0 Mb/s", "1.2 Mb/s", "12 Mb/s",
  ]);
  assert.deepEqual([0, 1023, 1536, 150 * 1024, 5 * 1024 ** 3].map(size), ["0 B", "1023 B", "1.5 KiB", "150 KiB", "5.0 GiB"]);
  assert.deepEqual([0, -5, 59_999, 60_000, 3_661_000, 90_000_000, 86_400_000].map(span), [
    "0 s", "0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h", "1 d",
  ]);
  assert.deepEqual([0, 0.004, 0.0999, 0.5].map(percent), ["0 %", "0.4 %", "10 %", "50 %"]);
  assert.deepEqual([0, 0.42, 9.94, 12.4].map(millis), ["–", "0.4 ms", "9.9 ms", "12 ms"]);
});

test("totals", () => {
  assert.deepEqual(totals({}), { participants: 0, tracks: 0, incoming: 0, outgoing: 0 });
  assert.deepEqual(
    totals({
      rooms: [
        {
          participants: [
            { tracks: [{ layers: [{ bitsPerSecond: "100" }, { bitsPerSecond: 20 }] }, {}] },
            { subscriptions: [{ bitsPerSecond: "7" }, {}] },
          ],
        },
        {},
      ],
    }),
    { participants: 2, tracks: 2, incoming: 120, outgoing: 7 },
  );
});

test("encodings, and who takes them", () => {
  assert.equal(layerWords({}), "");
  assert.equal(layerWords({ rid: "h", width: 640, height: 360 }), "h, 640×360");
  assert.equal(layerWords({ width: 640, height: 360 }), "640×360");
  assert.equal(layerWords({ rid: "q" }), "q");
  assert.equal(takers({ kind: "TRACK_KIND_VIDEO" }, { subscribers: 3 }), "3");
  assert.equal(takers({ kind: "TRACK_KIND_VIDEO" }, {}), "paused");
  assert.equal(takers({ kind: "TRACK_KIND_VIDEO", muted: true }, {}), "0");
  assert.equal(takers({ kind: "TRACK_KIND_AUDIO" }, {}), "0");
});

test("what a subscription gets", () => {
  const track = { layers: [{ rid: "q", width: 320, height: 180 }, { rid: "h", width: 640, height: 360 }] };
  const cases: [SubscriptionStatus, string][] = [
    [{}, "playing"],
    [{ paused: true, rid: "h", limited: true }, "paused"],
    [{ rid: "h", temporalLayer: 2 }, "h, 640×360, T2"],
    [{ rid: "q", limited: true }, "q, 320×180, limited by bandwidth"],
    [{ rid: "f" }, "f"],
    [{ spatialLayer: 1 }, "S1, T0"],
    [{ limited: true }, "limited by bandwidth"],
  ];
  for (const [status, words] of cases) assert.equal(taken(status, track), words);
  assert.equal(taken({ rid: "h" }, undefined), "h");
});
