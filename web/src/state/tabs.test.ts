import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../call/fakeclock";
import { Tabs, type Channel, type TabMessage } from "./tabs";

/** One browser, whose tabs hear each other at once. */
function browser() {
  const channels: Channel[] = [];
  const clock = new FakeClock();
  const tab = (id: string) => {
    const own: Channel = {
      onmessage: null,
      postMessage: (data: TabMessage) => {
        for (const other of channels) if (other !== own) other.onmessage?.({ data } as MessageEvent<TabMessage>);
      },
    };
    channels.push(own);
    const moved: string[] = [];
    const tabs: Tabs = new Tabs(own, {
      id,
      clock,
      onChange: () => {},
      onMoved: () => {
        moved.push(id);
        tabs.set("", false);
      },
    });
    const listen = own.onmessage;
    const hang = (on: boolean) => {
      own.onmessage = on ? null : listen;
    };
    const hear = (data: TabMessage) => listen?.({ data } as MessageEvent<TabMessage>);
    return { tabs, moved, hang, hear };
  };
  return { tab, clock };
}

test("a second tab knows that there is a call, and takes it over when it joins", () => {
  const { tab, clock } = browser();
  const first = tab("1");
  first.tabs.set("kitchen", true);
  const second = tab("2");
  assert.equal(second.tabs.elsewhere("kitchen"), true);
  assert.equal(second.tabs.elsewhere("garden"), false);
  clock.advance(1);
  second.tabs.set("kitchen", true);
  assert.deepEqual([first.moved, second.moved], [["1"], []]);
  assert.equal(second.tabs.elsewhere("kitchen"), false);
  // The older one may still say that it is there, before it hears of the newer one.
  second.hear({ type: "here", stay: { id: "1", room: "kitchen", since: 0, speaks: true } });
  assert.deepEqual(second.moved, []);
  second.hear({ type: "gone", id: "1" });
  // And back.
  clock.advance(1);
  first.tabs.set("kitchen", true);
  assert.deepEqual([first.moved, second.moved], [["1"], ["2"]]);
});

test("calls in two rooms go on", () => {
  const { tab } = browser();
  const [first, second] = [tab("1"), tab("2")];
  first.tabs.set("kitchen", true);
  second.tabs.set("garden", true);
  assert.deepEqual([first.moved, second.moved], [[], []]);
});

test("of a call and a tab that just watches it, the call has the sound", () => {
  const { tab } = browser();
  const [watcher, speaker] = [tab("1"), tab("2")];
  watcher.tabs.set("kitchen", false);
  assert.equal(watcher.tabs.elsewhere("kitchen"), false);
  speaker.tabs.set("kitchen", true);
  assert.equal(watcher.tabs.elsewhere("kitchen"), true);
  assert.equal(speaker.tabs.elsewhere("kitchen"), false);
  assert.deepEqual(watcher.moved, []);
  speaker.tabs.set("", true);
  assert.equal(watcher.tabs.elsewhere("kitchen"), false);
});

test("of two tabs that just watch, the older one has the sound", () => {
  const { tab } = browser();
  const [first, second] = [tab("1"), tab("2")];
  first.tabs.set("kitchen", false);
  assert.equal(second.tabs.elsewhere("kitchen"), false, "nothing is said in the lobby");
  second.tabs.set("kitchen", false);
  assert.deepEqual([first.tabs.elsewhere("kitchen"), second.tabs.elsewhere("kitchen")], [false, true]);
});

test("a tab that has crashed is forgotten, and one that was frozen comes back", () => {
  const { tab, clock } = browser();
  const [first, second] = [tab("1"), tab("2")];
  first.tabs.set("kitchen", true);
  assert.equal(second.tabs.elsewhere("kitchen"), true);
  first.hang(true);
  second.tabs.ask();
  assert.equal(second.tabs.elsewhere("kitchen"), true);
  clock.advance(2_000);
  assert.equal(second.tabs.elsewhere("kitchen"), false);
  first.hang(false);
  first.tabs.ask();
  assert.equal(second.tabs.elsewhere("kitchen"), true);
  // While it slept the call may have moved on.
  first.hang(true);
  clock.advance(1);
  second.tabs.set("kitchen", true);
  first.hang(false);
  first.tabs.ask();
  assert.deepEqual([first.moved, second.moved], [["1"], []]);
});
