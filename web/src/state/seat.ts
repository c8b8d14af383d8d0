import { read, write } from "./storage";

/** For browsers that forbid storage: as long as the page. */
let held = "";

/**
 * The seat of this browser: a secret by which the node knows somebody who was in a room
 * before, after a reload, a crash or a sleep, in another tab, on another network. It is
 * of this browser and not of a tab, since an invitation for one guest is opened again in
 * a new one.
 */
export function seat(): string {
  held ||= read("local", "seat");
  if (!/^[0-9a-z]{26}$/.test(held)) {
    // 130 bits; without getRandomValues' secure context, which randomUUID wants.
    held = Array.from(crypto.getRandomValues(new Uint8Array(26)), (n) => (n & 31).toString(32)).join("");
    write("local", "seat", held);
  }
  return held;
}
