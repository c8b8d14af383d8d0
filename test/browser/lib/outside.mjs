// An address of this machine that is not a loopback one: who comes by it is a
// stranger to the daemon.
import { networkInterfaces } from "node:os";

/** @returns {string} an IPv4 address; browsers make no calls without one either */
export function outside() {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((one) => one.family === "IPv4" && !one.internal);
  if (!found) throw new Error("this machine has no IPv4 address but loopback");
  return found.address;
}
