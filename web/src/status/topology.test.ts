import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "./model";
import { draw, joinedOf, pictureWords, placesOf, wayWords, type Box } from "./topology";

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
  assert.deepEqual(places.map((p) => (p.way ? wayWords(p.way) : [])), [[], ["→ 1.2 Mb/s", "← 3 kb/s"], ["down"], ["waiting"], []]);
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

/** What is seen at node 0 of so many, joined so; ways that it does not use are marked. */
function seen(nodes: number, joined: [number, number, boolean?][]): Status {
  const id = (n: number) => `n${n}`;
  const near = joined.flatMap(([a, b]) => (a === 0 ? [b] : b === 0 ? [a] : []));
  return {
    nodeId: id(0),
    nodeName: "here",
    rooms: [{ participants: Array.from({ length: nodes }, (_, n) => ({ name: `p${n}`, ...(n > 0 && { nodeId: id(n), nodeName: `node ${n}` }) })) }],
    trunks: [{ name: "all", links: near.map((n) => ({ nodeId: id(n), nodeName: `node ${n}` })) }],
    ways: joined.map(([a, b, used = true]) => ({ a: id(a), b: id(b), used })),
  };
}

const chain = seen(4, [[0, 1], [1, 2], [2, 3]]);
const ring = seen(4, [[0, 1], [1, 2, false], [2, 3], [3, 0]]);
const mesh = seen(4, [[0, 1], [0, 2], [0, 3], [1, 2, false], [1, 3, false], [2, 3, false]]);

test("who is reached over whom", () => {
  for (const [status, by, joined] of [
    [chain, ["", "n0", "n1", "n2"], []],
    [ring, ["", "n0", "n0", "n3"], ["n1-n2"]],
    [mesh, ["", "n0", "n0", "n0"], ["n1-n2", "n1-n3", "n2-n3"]],
  ] as const) {
    const places = placesOf(status);
    assert.deepEqual(places.map((p) => p.by), by);
    assert.deepEqual(joinedOf(status, places).map(({ a, b }) => `${a}-${b}`), joined);
  }
  const places = placesOf(ring);
  assert.match(pictureWords(places, joinedOf(ring, places)), /node 2, reached over node 3: p2\. node 1 and node 2 are joined too\.$/);
  // Nobody is at a node on the way, which nothing has named.
  const empty = placesOf({ ...chain, rooms: [{ participants: [{ name: "x", nodeId: "n3", nodeName: "far" }] }] });
  assert.deepEqual(empty.map((p) => p.name), ["here", "node 1", "node n2", "far"]);
});

test("nothing is drawn outside, or over another", () => {
  const many: Status = {
    ...status,
    trunks: Array.from({ length: 12 }, (_, i) => ({ name: `t${i}`, links: [{ nodeId: `n${i}`, nodeName: `node ${i}` }] })),
  };
  const long = seen(9, Array.from({ length: 8 }, (_, i) => [i, i + 1]));
  const tree = seen(12, Array.from({ length: 11 }, (_, i) => [Math.floor(i / 3), i + 1]));
  const few = { ...status, trunks: status.trunks?.slice(0, 1) ?? [], rooms: [] };
  for (const s of [status, many, few, chain, ring, mesh, long, tree]) {
    for (const width of [200, 240, 328, 560, 760, 900, 1280, 2400]) {
      const places = placesOf(s);
      const joined = joinedOf(s, places);
      const { boxes, lines, besides, height } = draw(places, width, joined);
      assert.equal(besides.length, joined.length);
      assert.equal(boxes[0]?.place, places[0]);
      for (const path of besides) {
        const [first, ...more] = (path.match(/[\d.]+/g) ?? []).map(Number);
        assert.ok(first !== undefined && [first, ...more].every((n) => n >= 0 && n <= Math.max(width, height)), path);
      }
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
