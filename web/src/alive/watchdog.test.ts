import assert from "node:assert/strict";
import { test } from "node:test";
import { reloadOnce, type ReloadTools } from "./reload";
import { patience, Watchdog } from "./watchdog";

/** A tab: what it remembers outlives its pages. */
function tab() {
  const kept = new Map<string, string>();
  const log: string[] = [];
  let answering = true;
  const tools: ReloadTools = {
    storage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    },
    answers: () => {
      log.push("asks");
      return Promise.resolve(answering);
    },
    reload: () => log.push("reloads"),
    wait: () => new Promise((resolve) => setImmediate(resolve)),
  };
  const page = () => {
    let blank = true;
    const dog = new Watchdog({
      blank: () => blank,
      tell: (reloads) => log.push(reloads ? "says that it reloads" : "offers a button"),
      untell: () => log.push("takes it back"),
      tools,
    });
    const run = async (seconds: number, isBlank: boolean) => {
      blank = isBlank;
      for (let i = 0; i < seconds; i++) dog.tick();
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    return { run };
  };
  const answer = (yes: boolean) => (answering = yes);
  return { page, log, tools, answer };
}

test("a page that shows nothing for ten seconds says so and is loaded again, once", async () => {
  const { page, log } = tab();
  const first = page();
  await first.run(patience / 1000 - 1, true);
  assert.deepEqual(log, []);
  await first.run(5, true);
  assert.deepEqual(log, ["says that it reloads", "asks", "reloads"]);
  await page().run(60, true);
  assert.deepEqual(log.slice(3), ["offers a button"]);
});

test("a page that has worked for a minute may be loaded again by itself", async () => {
  const { page, log } = tab();
  await page().run(11, true);
  const second = page();
  await second.run(5, true);
  await second.run(61, false);
  await second.run(11, true);
  assert.deepEqual(log.filter((l) => l === "reloads").length, 2);
});

test("a page that comes late takes back what was said", async () => {
  const { page, log, answer } = tab();
  answer(false);
  const late = page();
  await late.run(11, true);
  await late.run(1, false);
  answer(true);
  await late.run(1, false);
  assert.deepEqual(log.filter((l) => l !== "asks"), ["says that it reloads", "takes it back"]);
});

test("a page is not loaded again while the node does not answer", async () => {
  const { page, log, answer } = tab();
  answer(false);
  const waiting = page();
  await waiting.run(11, true);
  assert.ok(!log.includes("reloads"));
  answer(true);
  await waiting.run(1, true);
  assert.ok(log.includes("reloads"));
});

test("a browser that remembers nothing loads no page again", () => {
  const { tools } = tab();
  const no = () => {
    throw new DOMException("storage is off", "SecurityError");
  };
  assert.equal(reloadOnce({ ...tools, storage: { getItem: no, setItem: no, removeItem: no } }), false);
});
