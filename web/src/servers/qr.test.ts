import assert from "node:assert/strict";
import { test } from "node:test";
import { gridOf, pathOf } from "./qr";

test("a code is square, and has its three corners", () => {
  const grid = gridOf(`https://192.0.2.1/sfu/lounge#token=${"x".repeat(300)}`);
  assert.ok(grid);
  assert.ok(grid.every((row) => row.length === grid.length));
  const corner = [true, true, true, true, true, true, true, false];
  const row = (at: number) => grid.at(at) ?? [];
  assert.deepEqual(row(0).slice(0, 8), corner);
  assert.deepEqual(row(0).slice(-8), [...corner].reverse());
  assert.deepEqual(row(-1).slice(0, 8), corner);
});

test("a text that is too long has no code", () => {
  assert.equal(gridOf("x".repeat(3000)), null);
});

test("modules in a row are drawn as one", () => {
  assert.equal(pathOf([[true, true, false, true], [], [false, true]]), "M0 0h2v1h-2zM3 0h1v1h-1zM1 2h1v1h-1z");
});
