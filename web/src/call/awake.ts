import type { Clock } from "./clock";

const tick = 1_000;
// Browsers slow the timers of pages that nobody sees; a longer gap is a sleep.
const sleepGap = 4_000;

/**
 * Calls woke when this device, or a page that the browser had frozen, goes on again.
 * Returns what ends that.
 */
export function watchSleep(clock: Clock, woke: () => void): () => void {
  let cancel = () => {};
  const wait = () => {
    const before = clock.now();
    cancel = clock.after(tick, () => {
      const asleep = clock.now() - before - tick;
      wait();
      if (asleep > sleepGap) woke();
    });
  };
  wait();
  return () => cancel();
}
