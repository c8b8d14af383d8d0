import type { Clock } from "./clock";

// How long a device may stay silenced after the user is back.
const patience = 2_500;
// A phone call hides the page about when it silences the microphone.
const callTime = 5_000;
const maxAttempts = 3;

/**
 * Interruption decides when a device that the system has silenced is opened anew: when
 * the page was hidden for it, as by a phone call, and the device stays silent after it
 * (aws/amazon-chime-sdk-js#3238, WebKit bug 208516). A device that is silenced by a
 * switch, or in the browser's own bar, is the user's wish and is left alone.
 */
export class Interruption {
  private silencedAt = -Infinity;
  private taken = false;
  private attempts = 0;
  private cancelTimer = () => {};

  /** reopen is called for a device that is still silent. */
  constructor(
    private readonly clock: Clock,
    private readonly reopen: () => void,
  ) {}

  /** The system silences the device. */
  silenced(pageHidden: boolean): void {
    this.silencedAt = this.clock.now();
    this.taken = pageHidden;
  }

  /** The page is hidden while the device is silenced. */
  hidden(): void {
    this.cancel();
    this.taken ||= this.clock.now() - this.silencedAt < callTime;
  }

  /** The page is seen again, and the device is still silenced. */
  shown(): void {
    this.cancel();
    if (!this.taken || this.attempts >= maxAttempts) return;
    this.cancelTimer = this.clock.after(patience, () => {
      this.attempts++;
      this.reopen();
    });
  }

  /** Sound or pictures come again. */
  over(): void {
    this.cancel();
    this.taken = false;
    this.attempts = 0;
  }

  /** Stops waiting. */
  cancel(): void {
    this.cancelTimer();
    this.cancelTimer = () => {};
  }
}
