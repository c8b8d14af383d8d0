import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "./model";
import { draw, pictureWords, placesOf, wayWords, type Box } from "./topology";

const status: Status = {
  nodeId: "aa",
  nodeName: "ap",
  rooms: [
    { name: "den", participants: [{ name: "Ada" }, { name: "Bob", nodeId: "bb", nodeName: "hub" }, { viewOnly: true }, {}] },
    {
      name: "attic",
      participants: [
        { name: "Ada" },
        { name: "Door", kind: "PARTICIPANT_KIND_CAMERA", nodeId: "cc", nodeName: "shed" },
        { name: "Film", kind: "PARTICIPANT_KIND_STREAM", nodeId: "bb" },
      ],
    },
  ],
  trunks: [
    { name: "up", url: "wss://hub/wsb", links: [{ nodeId: "bb", nodeName: "hub", sentBitsPerSecond: "1200000", receivedBitsPerSecond: 3000 }] },
    { name: "lost", url: "wss://far.example.org:8081/wsb", problem: "it does not answer" },
    { name: "in" },
  ],
};

test("who is where", () => {
  const places = placesOf(status);
  assert.deepEqual(
    places.map((p) => [p.name, p.way?.state ?? "own", p.who.join("; ")]),
    [
      ["ap", "own", "Ada; 2 viewers"],
      ["hub", "connected", "Bob; Film (stream)"],
      ["far.example.org:8081", "down", ""],
      ["whoever knows the secret of in", "waiting", ""],
      ["shed", "beyond", "Door (camera)"],
    ],
  );
  assert.deepEqual(places.map((p) => (p.way ? wayWords(p.way) : [])), [[], ["→ 1.2 Mb/s", "← 3 kb/s"], ["down"], ["waiting"], ["over others"]]);
  assert.equal(
    pictureWords(places).split(". ")[1],
    "hub, connected by the trunk up, sent 1.2 Mb/s, received 3 kb/s: Bob, Film (stream)",
  );
});

test("two trunks to one node are one line", () => {
  const link = { nodeId: "bb", nodeName: "hub", sentBitsPerSecond: 1000 };
  const places = placesOf({ trunks: [{ name: "a", links: [link] }, { name: "b", links: [link] }] });
  assert.equal(places.length, 2);
  assert.deepEqual(places[1]?.way, { state: "connected", trunks: ["a", "b"], sent: 2000, received: 0 });
});

test("a crowd is counted", () => {
  const participants = Array.from({ length: 9 }, (_, i) => ({ name: `P${i}` }));
  assert.deepEqual(placesOf({ rooms: [{ participants }] })[0]?.who, ["P0", "P1", "P2", "P3", "and 5 more"]);
});

const apart = (a: Box, b: Box) =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

test("nothing is drawn outside, or over another", () => {
  const many: Status = {
    ...status,
    trunks: Array.from({ length: 12 }, (_, i) => ({ name: `t${i}`, links: [{ nodeId: `n${i}`, nodeName: `node ${i}` }] })),
  };
  for (const s of [status, many, { ...status, trunks: status.trunks?.slice(0, 1) ?? [], rooms: [] }]) {
    for (const width of [200, 240, 328, 560, 760, 900, 1280, 2400]) {
      const places = placesOf(s);
      const { boxes, lines, height } = draw(places, width);
      assert.equal(boxes.length, places.length);
      assert.equal(lines.length, places.length - 1);
      for (const [i, box] of boxes.entries()) {
        assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height, `box ${i} at ${width}`);
        for (const other of boxes.slice(i + 1)) assert.ok(apart(box, other), `boxes at ${width}`);
      }
      for (const line of lines) assert.ok(line.x > 0 && line.x < width && line.y > 0 && line.y < height);
    }
  }
});
