// After a goodbye the node is restarting: knock often for a while.
const quickFor = 10_000;
const quickFirst = 250;
const quickMin = 500;
const quickMax = 1_000;
const slowMax = 15_000;
// Waits of up to crashWait before they grow.
const crashTries = 6;
const crashWait = 500;
const giveUpAfter = 10 * 60_000;
// An attempt takes seconds: more time than this between two means that the device slept.
const sleepGap = 30_000;

/**
 * Backoff says how long to wait before each attempt to reconnect, in one
 * outage. All times are in milliseconds.
 */
export class Backoff {
  private attempts = 0;
  private due: number;

  /** quick: the node said that it would be back in a moment. */
  constructor(
    private began: number,
    private readonly quick: boolean,
    private readonly random: () => number = Math.random,
  ) {
    this.due = began;
  }

  /** The wait before the next attempt; null when it is time to give up. */
  next(now: number): number | null {
    // The time asleep does not count: a laptop that wakes in the morning tries at once
    // (nextcloud/spreed#9382).
    if (now - this.due > sleepGap) {
      this.began = now;
      this.attempts = 0;
    }
    const wait = this.choose(now);
    this.due = now + (wait ?? 0);
    return wait;
  }

  private choose(now: number): number | null {
    if (now - this.began >= giveUpAfter) return null;
    if (this.quick && now - this.began < quickFor) {
      if (this.attempts === 0) {
        this.attempts = 1;
        return quickFirst;
      }
      return quickMin + this.random() * (quickMax - quickMin);
    }
    const n = this.attempts++;
    if (n === 0) return 0;
    // A node that has crashed, and could not say goodbye, is back after a second or
    // two. Half of the wait is chance, so that a full room does not knock in step.
    const wait = Math.min(slowMax, crashWait * 2 ** Math.max(0, n - crashTries));
    return wait * (0.5 + this.random() / 2);
  }
}
