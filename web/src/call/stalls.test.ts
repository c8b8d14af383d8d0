import assert from "node:assert/strict";
import { test } from "node:test";
import { Stalls } from "./stalls";

const look = (stalls: Stalls, now: number, frames: Record<string, number>) =>
  stalls.look(new Map(Object.entries(frames)), now).join(" ");

test("what moves is no stall, however slowly", () => {
  const stalls = new Stalls();
  for (let i = 0; i < 10; i++) assert.equal(look(stalls, i * 1000, { a: 10 + Math.floor(i / 2) }), "");
});

test("what stands still for more than 2 s is one, until it moves", () => {
  const stalls = new Stalls();
  assert.equal(look(stalls, 0, { a: 10, b: 5 }), "");
  assert.equal(look(stalls, 1000, { a: 10, b: 6 }), "");
  assert.equal(look(stalls, 2000, { a: 10, b: 7 }), "");
  assert.equal(look(stalls, 3000, { a: 10, b: 8 }), "a");
  assert.equal(look(stalls, 4000, { a: 10, b: 8 }), "a");
  assert.equal(look(stalls, 5000, { a: 11, b: 8 }), "");
});

test("the first picture may take longer", () => {
  const stalls = new Stalls();
  for (let now = 0; now <= 6000; now += 1000) assert.equal(look(stalls, now, { a: 0 }), "");
  assert.equal(look(stalls, 7000, { a: 0 }), "a");
});

test("what ought not to move for a while begins anew", () => {
  const stalls = new Stalls();
  look(stalls, 0, { a: 10 });
  look(stalls, 1000, {});
  assert.equal(look(stalls, 5000, { a: 10 }), "");
  assert.equal(look(stalls, 7000, { a: 10 }), "");
  assert.equal(look(stalls, 7001, { a: 10 }), "a");
});
