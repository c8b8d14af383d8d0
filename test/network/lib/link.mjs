// The cable between the access point and one namespace, and what can be done
// to it. The tests run in the access point's namespace.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const { NET_PREFIX: prefix } = process.env;

export class Link {
  /** @param {"near" | "far"} name */
  constructor(name) {
    this.namespace = `${prefix}-${name}`;
    this.device = `to-${name}`;
  }

  /**
   * What goes out to the namespace may take so many bits per second; what is
   * more waits, and is dropped where it would wait longer than 400 ms.
   */
  async limit(bitsPerSecond) {
    await this.#shape(bitsPerSecond, "4kb", "400ms");
  }

  /** As fast as a cable again. What waits goes out and is not dropped. */
  async free() {
    await this.#shape(1_000_000_000, "1mb", "400ms");
  }

  /** A plain cable, whatever was done to it. */
  async reset() {
    await run("tc", ["qdisc", "del", "dev", this.device, "root"]).catch(() => {}); // there was none
    for (const [device, namespace] of [[this.device, null], ["eth0", this.namespace]]) {
      const table = `table netdev ${tableOf(device)}`;
      await this.#nft("reset", `add ${table}; delete ${table}`, namespace); // whether it was there or not
    }
    await this.#nft("reset", `add ${fence}; delete ${fence}`, this.namespace);
  }

  /**
   * A firewall as in hotels and offices: out of the namespace goes nothing but TCP
   * to one port, whatever comes is no answer to that is dropped, and nobody is told.
   *
   * @returns {Promise<() => Promise<number>>} how many packets it has dropped so far
   */
  async fence(port) {
    const script = [
      `add ${fence}`,
      `add chain inet fence out { type filter hook output priority 0; policy drop; }`,
      `add rule inet fence out oif lo accept`,
      `add rule inet fence out tcp dport ${port} accept`,
      `add rule inet fence out counter drop`,
      `add chain inet fence in { type filter hook input priority 0; policy drop; }`,
      `add rule inet fence in iif lo accept`,
      `add rule inet fence in ct state established accept`,
    ];
    await this.#nft("fence", script.join("; "), this.namespace);
    return async () => {
      const { nftables } = JSON.parse(await this.#nft("fence", `list ${fence}`, this.namespace, ["-j"]));
      return nftables.flatMap(({ rule }) => rule?.expr ?? []).find((e) => e.counter).counter.packets;
    };
  }

  async #shape(rate, burst, latency) {
    await run("tc", ["qdisc", "replace", "dev", this.device, "root", "tbf", "rate", `${rate}bit`, "burst", burst, "latency", latency]);
  }

  /** Packets sent and dropped by the limit so far. */
  async queue() {
    const { stdout } = await run("tc", ["-s", "-j", "qdisc", "show", "dev", this.device]);
    const [{ kind, packets, drops }] = JSON.parse(stdout);
    if (kind !== "tbf") throw new Error(`${this.device} has no limit, but ${kind}`);
    return { packets, drops };
  }

  /** Loses so many of a hundred packets of every kind, each way. */
  async lose(percent) {
    await this.#nft(`up ${this.device}`, losing(this.device, percent));
    await this.#nft("down", losing("eth0", percent), this.namespace);
  }

  /** Loses no more, and tells what share was lost, each way. */
  async mend() {
    const share = async (namespace, device) => {
      const json = JSON.parse(await this.#nft("counters", `list table netdev ${tableOf(device)}`, namespace, ["-j"]));
      const [seen, dropped] = json.nftables
        .flatMap(({ rule }) => rule?.expr ?? [])
        .flatMap(({ counter }) => (counter ? [counter.packets] : []));
      await this.#nft("mend", `delete table netdev ${tableOf(device)}`, namespace);
      return { packets: seen, lost: dropped / seen };
    };
    return { up: await share(null, this.device), down: await share(this.namespace, "eth0") };
  }

  async #nft(what, script, namespace = null, flags = []) {
    const args = [...flags, script];
    const [command, all] = namespace ? ["nsenter", [`--net=/run/netns/${namespace}`, "nft", ...args]] : ["nft", args];
    try {
      return (await run(command, all)).stdout;
    } catch (error) {
      throw new Error(`nft, ${what}: ${error.stderr || error}`, { cause: error });
    }
  }
}

const fence = "table inet fence";
const tableOf = (device) => `loss_${device.replaceAll("-", "_")}`;

function losing(device, percent) {
  const table = tableOf(device);
  return [
    `add table netdev ${table}`,
    `add chain netdev ${table} in { type filter hook ingress device "${device}" priority 0; }`,
    `add rule netdev ${table} in counter numgen random mod 1000 < ${Math.round(percent * 10)} counter drop`,
  ].join("; ");
}
