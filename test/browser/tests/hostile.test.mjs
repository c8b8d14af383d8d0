// What strangers do to the ports changes nothing for a call.
import assert from "node:assert/strict";
import https from "node:https";
import { house } from "../lib/harness.mjs";
import { babble, floodUDP, frame, hugeSDP, joinMessage, offerMessage, webSocket } from "../lib/intruder.mjs";
import { sleep, until } from "../lib/wait.mjs";

const { daemon, scene } = await house();

/** POSTs to the daemon, and returns the status and the answer's text. */
function post(at, body) {
  return new Promise((resolve, reject) => {
    const request = https.request(
      daemon.url(at),
      { method: "POST", rejectUnauthorized: false, headers: { "content-type": "application/sdp" }, timeout: 20_000 },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
        answer.on("end", () => resolve({ status: answer.statusCode, text }));
      },
    );
    request.on("timeout", () => request.destroy(new Error("no answer within 20 s")));
    request.on("error", reject);
    request.end(body);
  });
}

/** Frames of Ada's camera: as she has sent, and Bob received and decoded them. */
async function count(ada, bob) {
  const video = (person, side, type) =>
    person.page.evaluate(
      async (pc, wanted) => {
        const reports = [...(await window.umbrella[pc].getStats()).values()];
        const { framesSent, framesReceived, framesDecoded } = reports.find((r) => r.type === wanted && r.kind === "video");
        return { framesSent, framesReceived, framesDecoded };
      },
      side,
      type,
    );
  const [{ framesSent }, { framesReceived, framesDecoded }, { Ada }] = await Promise.all([
    video(ada, "publishPC", "outbound-rtp"),
    video(bob, "subscribePC", "inbound-rtp"),
    bob.heard(),
  ]);
  return { sent: framesSent, received: framesReceived, decoded: framesDecoded, energy: Ada.energy, at: performance.now() };
}

/** What went on between two counts, in frames a second. */
function rates(before, after) {
  const seconds = (after.at - before.at) / 1000;
  const rate = (what) => (after[what] - before[what]) / seconds;
  return { seconds, sent: rate("sent"), received: rate("received"), decoded: rate("decoded") };
}

scene("a call goes on under attack", 180, async ({ person, step }) => {
  const ada = await person("Ada", { width: 800, height: 600 });
  const bob = await person("Bob", { width: 800, height: 600 });
  await Promise.all([ada.join(daemon, "parlour"), bob.join(daemon, "parlour")]);
  await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);
  await ada.page.evaluate(() => {
    window.states = [];
    new MutationObserver(() => {
      const { callState } = document.documentElement.dataset;
      if (callState !== "joined") window.states.push(callState);
    }).observe(document.documentElement, { attributeFilter: ["data-call-state"] });
    window.pcs = [window.umbrella.publishPC, window.umbrella.subscribePC];
  });
  const first = await count(ada, bob);
  await sleep(5_000);
  const quiet = rates(first, await count(ada, bob));
  const memory = await daemon.memory();
  console.log(`in peace: ${quiet.decoded.toFixed(1)} frames a second, ${(memory / 2 ** 20).toFixed(0)} MiB`);
  assert.ok(quiet.decoded > 3, `only ${quiet.decoded} frames a second without any attack`);

  /** Attacks, and compares what Bob sees of Ada meanwhile. */
  async function under(name, attack) {
    await step(name, async () => {
      let done = false;
      let most = 0;
      const before = await count(ada, bob);
      const attacking = attack().finally(() => (done = true));
      attacking.catch(() => {}); // awaited below
      while (!done) {
        most = Math.max(most, await daemon.memory());
        await sleep(100);
      }
      const result = await attacking;
      // Short attacks are looked at for some seconds, too.
      await sleep(Math.max(0, 4_000 - (performance.now() - before.at)));
      const after = await count(ada, bob);
      const now = rates(before, after);
      console.log(
        `${name}: ${now.seconds.toFixed(1)} s, of ${now.sent.toFixed(1)} frames a second ${now.received.toFixed(1)} ` +
          `received, ${now.decoded.toFixed(1)} decoded, ${(most / 2 ** 20).toFixed(0)} MiB at most`,
      );
      // What she sends has to arrive. The attackers and the browsers share the
      // same processors: that may cost the camera and the decoder some frames.
      assert.ok(now.received > now.sent * 0.9, `of ${now.sent} frames a second ${now.received} arrive`);
      assert.ok(now.decoded > quiet.decoded * 0.4, `${now.decoded} frames a second are decoded, ${quiet.decoded} before`);
      assert.ok(after.energy > before.energy, "Ada is no longer heard");
      assert.ok(most < memory + 96 * 2 ** 20, `${most} bytes of memory, ${memory} before`);
      return result;
    });
  }

  await under("an SDP of 1 MB in a message", async () => {
    const lines = ["a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"];
    await Promise.all(
      lines.map(async (line) => {
        const socket = await webSocket(daemon);
        socket.write(frame(joinMessage("pit", "Long")));
        socket.write(frame(offerMessage(hugeSDP(1_000_000, line))));
        await until("the socket is cut", 20_000, 50, () => socket.destroyed);
      }),
    );
  });

  await under("SDPs as long as is allowed", async () => {
    for (const line of ["m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:x\r\n", "a=ssrc:1 cname:x\r\n"]) {
      const socket = await webSocket(daemon);
      socket.write(frame(joinMessage("pit", "Long")));
      socket.write(frame(offerMessage(hugeSDP(500_000, line))));
      await sleep(1_500);
      socket.destroy();
    }
  });

  await under("10,000 random messages", () => babble(daemon, 10_000, 8));

  await under("an SDP of 1 MB by WHIP", async () => {
    for (const line of ["a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"]) {
      const { status, text } = await post("/whip/pit?name=Long", hugeSDP(1_000_000, line));
      assert.equal(status, 413, text);
    }
    for (const size of [10_000, 200_000]) {
      const { status } = await post("/whip/pit?name=Long", hugeSDP(size, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:x\r\n"));
      assert.ok(status >= 400 && status < 500, `status ${status}`);
    }
  });

  await under("garbage at the media port", () => floodUDP(daemon, 20_000));

  await step("the call has noticed nothing", async () => {
    assert.deepEqual(await ada.page.evaluate(() => window.states), [], "Ada's call has changed its state");
    assert.ok(
      await ada.page.evaluate(
        () => window.pcs[0] === window.umbrella.publishPC && window.pcs[1] === window.umbrella.subscribePC,
      ),
      "Ada's connections are new ones",
    );
    await Promise.all([ada.meets(["Bob"]), bob.meets(["Ada"])]);
  });

  await step("nothing of it stays", async () => {
    // Those who had joined are waited for as if their network had failed.
    await until("the pit is empty", 60_000, 500, async () => (await daemon.status()).rooms.length === 1);
    const { process } = await daemon.status();
    console.log(`afterwards: ${process.goroutines} goroutines, ${(await daemon.memory()) >> 20} MiB`);
    assert.ok(process.goroutines < 200, `${process.goroutines} goroutines`);
  });
});
