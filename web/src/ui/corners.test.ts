import assert from "node:assert/strict";
import { test } from "node:test";
import { moved, nearest, wordsOf } from "./corners";

test("the own picture goes to the corner that a key or a pointer leads to", () => {
  assert.equal(moved("bottom-right", "ArrowUp"), "top-right");
  assert.equal(moved("top-right", "ArrowLeft"), "top-left");
  assert.equal(moved("top-left", "ArrowLeft"), "top-left");
  assert.equal(moved("top-left", "Enter"), null);
  const box = { left: 100, top: 0, width: 800, height: 600 };
  const own = { width: 160, height: 90 };
  assert.equal(nearest({ ...own, left: 110, top: 500 }, box), "bottom-left");
  assert.equal(nearest({ ...own, left: 430, top: 250 }, box), "top-right");
  assert.equal(wordsOf("bottom-left"), "in the lower left corner");
});
