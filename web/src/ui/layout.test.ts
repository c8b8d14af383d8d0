import assert from "node:assert/strict";
import { test } from "node:test";
import { drawnIn, fitOf, gridLayout, minTileWidth, stageLayout, type Box, type Layout, type Rect } from "./layout";

const boxes: Box[] = [
  { width: 1280, height: 640 },
  { width: 344, height: 620 },
  { width: 740, height: 280 },
  { width: 3840, height: 2000 },
  { width: 500, height: 500 },
  { width: 320, height: 200 },
];
const gap = 8;

function overlap(a: Rect, b: Rect): boolean {
  const slack = 0.01;
  return (
    a.x < b.x + b.width - slack && b.x < a.x + a.width - slack && a.y < b.y + b.height - slack && b.y < a.y + a.height - slack
  );
}

function within({ rects, content }: Layout): boolean {
  const slack = 0.01;
  return rects.every(
    (r) => r.x >= -slack && r.y >= -slack && r.x + r.width <= content.width + slack && r.y + r.height <= content.height + slack,
  );
}

test("grids of any size: all tiles alike, inside, apart, not too small, in order", () => {
  for (const box of boxes) {
    for (let count = 1; count <= 60; count++) {
      const layout = gridLayout(count, box, gap);
      const where = `${count} in ${box.width}×${box.height}`;
      const [first] = layout.rects;
      assert.ok(first, where);
      assert.equal(layout.rects.length, count, where);
      assert.ok(within(layout), where);
      assert.ok(first.width >= Math.min(minTileWidth(box), box.height * (16 / 9)) - 0.01, `${where}: ${first.width} wide`);
      const ratio = first.width / first.height;
      assert.ok(ratio <= 16 / 9 + 0.001 && ratio >= (box.width < box.height ? 0.7 : 16 / 9) - 0.001, `${where}: ratio ${ratio}`);
      assert.equal(layout.content.width, box.width, where);
      layout.rects.forEach((rect, i) => {
        assert.ok(Math.abs(rect.width - first.width) < 0.01 && Math.abs(rect.height - first.height) < 0.01, where);
        const before = layout.rects[i - 1];
        if (before) assert.ok(rect.y > before.y || (rect.y === before.y && rect.x > before.x), `${where}: order of ${i}`);
        for (const other of layout.rects.slice(i + 1)) assert.ok(!overlap(rect, other), where);
      });
    }
  }
});

test("a grid is the best one", () => {
  const shape = (count: number, box: Box) => {
    const { rects } = gridLayout(count, box, gap);
    return `${rects.filter((r) => r.y === rects[0]?.y).length}×${new Set(rects.map((r) => r.y)).size}`;
  };
  const cases: [count: number, box: Box, shape: string][] = [
    [1, { width: 1280, height: 640 }, "1×1"],
    [2, { width: 1280, height: 640 }, "2×1"],
    [3, { width: 1280, height: 640 }, "2×2"],
    [4, { width: 1280, height: 640 }, "2×2"],
    [5, { width: 1280, height: 640 }, "3×2"],
    [12, { width: 1280, height: 640 }, "4×3"],
    [2, { width: 344, height: 620 }, "1×2"],
    [4, { width: 344, height: 620 }, "2×2"],
    [2, { width: 740, height: 280 }, "2×1"],
  ];
  for (const [count, box, expected] of cases) assert.equal(shape(count, box), expected, `${count} in ${box.width}×${box.height}`);
});

test("tiles that would be too small scroll", () => {
  const layout = gridLayout(40, { width: 344, height: 500 }, gap);
  assert.ok(layout.content.height > 500);
  assert.ok(within(layout));
});

test("nothing to place, or no room", () => {
  assert.deepEqual(gridLayout(0, { width: 100, height: 100 }, gap).rects, []);
  assert.deepEqual(gridLayout(3, { width: 0, height: 100 }, gap).rects, []);
});

test("a stage: the main tile is the largest, the strip is beside or below it", () => {
  for (const box of boxes) {
    for (const count of [2, 3, 7, 30]) {
      for (const main of [0, 1, count - 1]) {
        const layout = stageLayout(count, main, box, gap);
        const where = `${main} of ${count} in ${box.width}×${box.height}`;
        const big = layout.rects[main];
        assert.ok(big, where);
        assert.ok(within(layout), where);
        assert.ok(big.width <= box.width && big.height <= box.height, where);
        const others = layout.rects.filter((_, i) => i !== main);
        for (const rect of others) {
          assert.ok(rect.width * rect.height < big.width * big.height, where);
          if (box.width >= box.height) assert.ok(rect.x >= big.width, where);
          else assert.ok(rect.y >= big.height, where);
        }
        others.forEach((rect, i) => {
          for (const other of others.slice(i + 1)) assert.ok(!overlap(rect, other), where);
        });
      }
    }
  }
});

test("a stage without a main tile is a grid", () => {
  const box = { width: 800, height: 600 };
  assert.deepEqual(stageLayout(3, -1, box, gap), gridLayout(3, box, gap));
  assert.deepEqual(stageLayout(1, 0, box, gap), gridLayout(1, box, gap));
});

test("pictures fill their tiles unless too much would be lost", () => {
  const cases: [name: string, picture: number, tile: number, fit: string][] = [
    ["like in like", 16 / 9, 16 / 9, "cover"],
    ["4:3 in 16:9", 4 / 3, 16 / 9, "cover"],
    ["an upright phone in 16:9", 9 / 16, 16 / 9, "contain"],
    ["16:9 in a square", 16 / 9, 1, "cover"],
  ];
  for (const [name, picture, tile, fit] of cases) assert.equal(fitOf(picture, tile), fit, name);
});

test("how large a picture is drawn", () => {
  const box = { width: 800, height: 400 };
  const cases: [picture: number, fit: "cover" | "contain", width: number, height: number][] = [
    [2, "contain", 800, 400],
    [2, "cover", 800, 400],
    [4, "contain", 800, 200],
    [4, "cover", 1600, 400],
    [0.5, "contain", 200, 400],
    [0.5, "cover", 800, 1600],
  ];
  for (const [picture, fit, width, height] of cases) {
    assert.deepEqual(drawnIn(box, picture, fit), { width, height }, `${picture} ${fit}`);
  }
});
