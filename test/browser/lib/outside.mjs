// An address of this machine that is not a loopback one: who comes by it is a
// stranger to the daemon.
import { execFile } from "node:child_process";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * @returns {Promise<{ address: string, close: () => Promise<void> }>} an IPv4
 *   address; where there is none, one is made until close
 */
export async function outside() {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((one) => one.family === "IPv4" && !one.internal);
  if (found) return { address: found.address, close: async () => {} };
  const made = "192.0.2.77/32"; // RFC 5737
  await run("ip", ["address", "add", made, "dev", "lo"]);
  return {
    address: made.split("/")[0],
    close: async () => {
      await run("ip", ["address", "del", made, "dev", "lo"]);
    },
  };
}
