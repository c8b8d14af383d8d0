import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load";

const noWait = () => Promise.resolve();

test("code that fails to load is fetched again", async () => {
  let tries = 0;
  const fetchCode = () => (++tries < 3 ? Promise.reject(new TypeError("no network")) : Promise.resolve("code"));
  assert.equal(await load(fetchCode, noWait), "code");
  assert.equal(tries, 3);
});

test("code that never loads is an error after four tries", async () => {
  let tries = 0;
  const fetchCode = () => {
    tries++;
    return Promise.reject(new TypeError("no network"));
  };
  await assert.rejects(load(fetchCode, noWait), /no network/);
  assert.equal(tries, 4);
});
