import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "./store";

test("listeners hear of changes, and only of changes", () => {
  const store = new Store({ a: 1, b: "x" });
  const seen: number[] = [];
  const end = store.subscribe(() => seen.push(store.state.a));
  store.set({ a: 2 });
  store.set({ a: 2, b: "x" });
  store.set({ b: "y" });
  end();
  store.set({ a: 3 });
  assert.deepEqual(seen, [2, 2]);
  assert.deepEqual(store.state, { a: 3, b: "y" });
});

test("a listener may end its subscription while it is told", () => {
  const store = new Store({ a: 1 });
  let calls = 0;
  const end = store.subscribe(() => {
    calls++;
    end();
  });
  store.set({ a: 2 });
  store.set({ a: 3 });
  assert.equal(calls, 1);
});
