// A call of four at 720 lines, each in three sizes, on a machine with one CPU
// and 128 MiB. Three of them are no browsers: four times three encodings are
// more than a machine that runs tests can do. They send a recording as a
// browser would, and ask for the largest picture of everybody.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { sleep, until } from "../../browser/lib/wait.mjs";
import { smallMachine } from "../lib/machine.mjs";
import { Peers } from "../lib/peers.mjs";
import { scene } from "../lib/site.mjs";
import { latest, watchSent } from "../lib/watch.mjs";

const memory = 128 << 20;
const seconds = 20;
const names = ["Peer 1", "Peer 2", "Peer 3"];

scene(
  "a call of four on a small machine",
  90,
  async ({ ap, machine, person, step }) => {
    let peers;
    try {
      const somebody = await person("Person", "near");
      peers = await Peers.start(ap, names.length);
      await watchSent(somebody);

      await step("all see all", async (tell) => {
        tell(machine.told);
        const pid = await ap.pid();
        assert.match(await readFile(`/proc/${pid}/status`, "utf8"), /^Cpus_allowed_list:\t0$/m);
        if (machine.cgroup) assert.equal((await readFile(machine.cgroup, "utf8")).trim(), pid);
        await peers.until("720 lines from three for each", 20_000, (line) =>
          line.peers.every(({ streams }) => streams.filter(({ height }) => height === 720).length === 3),
        );
        await until("the browser sees three", 20_000, 100, async () => {
          const heard = await somebody.heard();
          return names.every((name) => heard[name]?.frames > 30);
        });
        await sleep(3000);
      });

      await step(`nothing is lost in ${seconds} s`, async (tell) => {
        const look = async () => ({
          line: peers.lines.at(-1),
          heard: await somebody.heard(),
          sent: await latest(somebody),
          status: await ap.status(),
          cpu: await ap.cpuTime(),
        });
        const before = await look();
        let resident = 0;
        for (let i = 0; i < seconds; i++) {
          await sleep(1000);
          resident = Math.max(resident, await ap.memory());
        }
        const after = await look();

        const took = (after.line.at - before.line.at) / 1000;
        const streams = after.line.peers.flatMap(({ name, streams }, i) =>
          streams.map((now, j) => {
            const was = before.line.peers[i].streams[j];
            assert.equal(now.mid, was.mid);
            return { name, height: now.height, codec: now.codec, packets: now.packets - was.packets, missing: now.missing - was.missing, frames: (now.frames - was.frames) / took };
          }),
        );
        const pictures = streams.filter(({ codec }) => codec === "video/VP8");
        const fewest = Math.min(...pictures.map(({ frames }) => frames));
        const drawn = names.map((name) => (after.heard[name].frames - before.heard[name].frames) / took);
        const encoded = ((after.sent.f.frames - before.sent.f.frames) * 1000) / (after.sent.at - before.sent.at);
        const total = (counter) => Number(after.status.totals[counter] ?? 0) - Number(before.status.totals[counter] ?? 0);
        const lost = layersLost(after.status) - layersLost(before.status);
        tell(
          `${total("receivedPackets") / seconds} packets/s in, ${total("sentPackets") / seconds} out, ` +
            `${((total("sentBytes") * 8) / seconds / 1e6).toFixed(1)} Mbit/s out, ${total("nacks")} asked for again`,
        );
        tell(`${(((after.cpu - before.cpu) / seconds) * 100).toFixed(0)} % of one CPU, ${mebibytes(resident)} resident`);
        tell(
          `frames/s: ${pictures.map(({ frames }) => frames.toFixed(1)).join(" ")} at the peers, ` +
            `${drawn.map((n) => n.toFixed(1)).join(" ")} in the browser, which encoded ${encoded.toFixed(1)}`,
        );

        assert.equal(pictures.length, 9);
        assert.equal(streams.length, 18);
        assert.ok(pictures.every(({ height }) => height === 720));
        assert.deepEqual(streams.filter(({ missing }) => missing !== 0), [], "packets are missing");
        assert.equal(lost, 0, "packets did not reach the daemon");
        assert.ok(fewest >= Math.min(28, encoded - 1), `only ${fewest} frames/s`);
        for (const rate of drawn) assert.ok(rate >= 24, `the browser drew ${rate} frames/s`);
        assert.ok(resident < memory, `${resident} bytes are resident`);
      });

      await step(
        "with no more memory than that, the kernel's part included",
        async (tell) => {
          const peak = await machine.peak();
          tell(`${mebibytes(peak)} at most charged to it`);
          assert.ok(peak <= memory, `${peak} bytes were charged to it`);
        },
        machine.cgroup ? "" : "there is no memory controller for cgroups here",
      );
    } finally {
      await peers?.close();
    }
  },
  () => smallMachine(memory),
);

const mebibytes = (n) => `${(n / (1 << 20)).toFixed(0)} MiB`;

/** Packets that are missing of what is published, as the daemon counts. */
function layersLost({ rooms }) {
  const layers = rooms.flatMap((r) => r.participants).flatMap((p) => p.tracks ?? []).flatMap((t) => t.layers ?? []);
  return layers.reduce((sum, { lost }) => sum + Number(lost ?? 0), 0);
}
