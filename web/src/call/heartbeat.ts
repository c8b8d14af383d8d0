const pingInterval = 5_000;
const deadAfter = 10_000;
// A ping that waits this long for its answer may count against the socket.
const answerTime = 5_000;
// After a changed network or a sleep an answer has to come sooner.
const probeTime = 2_500;
// A gap between ticks longer than this means that the machine slept.
const sleepGap = 4_000;

/** How often tick is to be called, in milliseconds. */
export const heartbeatTick = 1_000;

/**
 * Heartbeat decides when to send a ping and when a silent socket is dead. All
 * times are in milliseconds.
 */
export class Heartbeat {
  private heard: number;
  private pinged = -Infinity;
  private ticked: number;
  private deadline = Infinity;

  constructor(now: number) {
    this.heard = now;
    this.ticked = now;
  }

  /** Something came in, whatever it was. */
  received(now: number): void {
    this.heard = now;
    this.deadline = Infinity;
  }

  /** Asks for proof of life at once: the network changed. Send a ping now. */
  probe(now: number): void {
    this.pinged = now;
    this.deadline = Math.min(this.deadline, now + probeTime);
  }

  tick(now: number): "ping" | "dead" | null {
    const slept = now - this.ticked > sleepGap;
    this.ticked = now;
    if (slept) {
      // What was not heard while asleep says nothing.
      this.heard = Math.max(this.heard, now - pingInterval);
      this.deadline = Infinity;
      this.probe(now);
      return "ping";
    }
    if (now >= this.deadline) return "dead";
    const unanswered = this.pinged > this.heard;
    if (unanswered && now - this.pinged >= answerTime && now - this.heard >= deadAfter) return "dead";
    if (now - this.pinged >= pingInterval) {
      // The first ping without an answer decides; later ones do not put it off.
      if (!unanswered) this.pinged = now;
      return "ping";
    }
    return null;
  }
}
