// Somebody behind a firewall that lets nothing out but TCP to port 443: the relay
// on the web server's port carries the call, and without it there is none.
import assert from "node:assert/strict";
import { sleep, until } from "../../browser/lib/wait.mjs";
import { scene } from "../lib/site.mjs";

const node = (env) => async () => ({ port: 443, env, remove: async () => {} });

/** The pairs that carry the connections, by what they carry. */
async function paths(person) {
  return person.page.evaluate(async () => {
    const of = async (pc) => {
      const reports = new Map((await pc?.getStats())?.entries());
      const transport = [...reports.values()].find((r) => r.type === "transport");
      const pair = reports.get(transport?.selectedCandidatePairId);
      const local = reports.get(pair?.localCandidateId);
      return { protocol: local?.protocol, relay: local?.relayProtocol, received: pair?.bytesReceived ?? 0 };
    };
    const { publishPC, subscribePC } = window.umbrella;
    return { publish: await of(publishPC), subscribe: await of(subscribePC) };
  });
}

scene(
  "behind a firewall that lets nothing out but TCP to port 443",
  200,
  async ({ far, person, step }) => {
    let dropped;
    let free;
    let fenced;
    await step("they meet", async (tell) => {
      dropped = await far.fence(443);
      free = await person("Free", "near");
      fenced = await person("Fenced", "far");
      await fenced.meets(["Free"]);
      await free.meets(["Fenced"]);
      const count = await dropped();
      tell(`the firewall has dropped ${count} packets`);
      assert.ok(count > 0, "the firewall had nothing to do");
    });
    await step("by the relay, over TLS; the other as ever", async () => {
      const { publish, subscribe } = await paths(fenced);
      assert.equal(publish.relay, "tls");
      assert.equal(subscribe.relay, "tls");
      await until("the picture comes by it", 90_000, 200, async () => (await paths(fenced)).subscribe.received > 500_000);
      const direct = await paths(free);
      assert.equal(direct.subscribe.relay, undefined);
      assert.equal(direct.subscribe.protocol, "udp");
    });
  },
  node({ UMBRELLA_TURN: "1" }),
);

scene(
  "behind that firewall without the relay",
  90,
  async ({ ap, far, person, step }) => {
    let fenced;
    await step("there is no call", async () => {
      await far.fence(443);
      fenced = await person("Fenced", "far");
      await until("the node knows of the connection", 20_000, 100, async () => {
        const { participants } = await ap.room();
        return participants[0].peerConnections?.length > 0;
      });
      await sleep(5000);
      const { publish } = await paths(fenced);
      assert.equal(publish.received, 0);
    });
    await step("and the page says what it needs", async () => {
      for (const words of ["Sound and pictures cannot get through", "UDP port", "turn on the relay (TURN)"]) await fenced.says(words);
    });
  },
  node({}),
);
