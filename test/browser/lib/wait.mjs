import { setTimeout as sleep } from "node:timers/promises";

export { sleep };

/**
 * Asks again and again until the answer is true, and returns it.
 *
 * @param {string} what is waited for, for the error
 * @param {number} limit in milliseconds
 * @param {number} interval in milliseconds
 * @param {() => unknown} ask
 */
export async function until(what, limit, interval, ask) {
  const end = performance.now() + limit;
  let answer;
  for (;;) {
    answer = await ask();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`not within ${limit / 1000} s: ${what}`);
    await sleep(interval);
  }
}

/** The middle one of some numbers. */
export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
