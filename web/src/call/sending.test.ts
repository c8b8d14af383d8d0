import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Size } from "./encodings";
import { Sending } from "./sending";

/** A sender that takes its time, and complains of calls that overlap. */
class FakeSender {
  encodings: RTCRtpEncodingParameters[] = ["q", "h", "f"].map((rid) => ({ rid }));
  calls = 0;
  overlaps = 0;
  failures = 0;
  private waiting: (() => void)[] = [];

  getParameters(): RTCRtpSendParameters {
    return structuredClone({ encodings: this.encodings }) as RTCRtpSendParameters;
  }

  async setParameters({ encodings }: RTCRtpSendParameters): Promise<void> {
    this.calls++;
    if (this.waiting.length > 0) this.overlaps++;
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.failures-- > 0) throw new DOMException("not now", "InvalidStateError");
    this.encodings = structuredClone(encodings);
  }

  /** Lets all calls end, and those that follow from them. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      this.waiting.shift()?.();
      await Promise.resolve();
    }
  }

  get active(): string {
    return this.encodings.filter((e) => e.active).map((e) => e.rid).join("");
  }
}

const hd = { width: 1280, height: 720 };
const small = { width: 640, height: 360 };

async function start(size: Size | null = hd) {
  const sender = new FakeSender();
  const now = { size };
  const sending = new Sending(sender, false, () => now.size);
  sending.setLimit(1_500_000);
  await sender.settle();
  return { sender, now, sending };
}

test("all encodings are sent until something else is demanded", async () => {
  const { sender, sending } = await start();
  assert.equal(sender.active, "qhf");
  sending.setDemand(["h"]);
  await sender.settle();
  assert.equal(sender.active, "h");
  sending.setDemand(null);
  await sender.settle();
  assert.equal(sender.active, "qhf");
});

test("a demand is passed on at once, the last of many wins, and calls never overlap", async () => {
  const { sender, sending } = await start();
  const before = sender.calls;
  sending.setDemand([]);
  assert.equal(sender.calls, before + 1, "not in the same turn");
  for (const rids of [["q"], ["q", "h"], ["f"]]) sending.setDemand(rids);
  await sender.settle();
  assert.equal(sender.active, "f");
  assert.equal(sender.calls, before + 2);
  assert.equal(sender.overlaps, 0);
});

test("nothing is set when nothing is different", async () => {
  const { sender, sending } = await start();
  const before = sender.calls;
  sending.setDemand(["q", "h", "f"]);
  sending.update();
  await sender.settle();
  assert.equal(sender.calls, before);
});

test("what fails is tried once more, and no oftener", async (t: TestContext) => {
  const warn = t.mock.method(console, "warn", () => {});
  const { sender, sending } = await start();
  sender.failures = 1;
  sending.setDemand(["q"]);
  await sender.settle();
  assert.equal(sender.active, "q");
  const before = sender.calls;
  sender.failures = 5;
  sending.setDemand(["h"]);
  await sender.settle();
  assert.equal(sender.calls, before + 2);
  assert.equal(sender.active, "q");
  assert.equal(warn.mock.callCount(), 3);
  sender.failures = 0;
  sending.setDemand(["f"]);
  await sender.settle();
  assert.equal(sender.active, "f");
});

test("a smaller picture fills fewer encodings", async () => {
  const { sender, sending, now } = await start();
  sending.setDemand(["f"]);
  now.size = small;
  sending.update();
  await sender.settle();
  assert.equal(sender.active, "h", "the largest that there is");
});

test("a picture that grows is sent as demanded", async () => {
  const { sender, sending, now } = await start(small);
  sending.setDemand(["q", "f"]);
  await sender.settle();
  assert.equal(sender.active, "q", "there is no f yet");
  now.size = hd;
  sending.update();
  await sender.settle();
  assert.equal(sender.active, "qf");
});

test("a node that takes no simulcast gets the full picture", async () => {
  const { sender, sending } = await start();
  sender.encodings = sender.encodings.slice(0, 1);
  sending.update();
  await sender.settle();
  assert.deepEqual(sender.encodings, [{ rid: "q", active: true, scaleResolutionDownBy: 1, maxBitrate: 1_500_000 }]);
});

test("closed, it sets nothing any more", async () => {
  const { sender, sending } = await start();
  const before = sender.calls;
  sending.close();
  sending.setDemand([]);
  await sender.settle();
  assert.equal(sender.calls, before);
});
