import type { Clock } from "./clock";

// A connection that does not come up is tried again after this.
const connectTime = 12_000;
// "disconnected" often heals by itself; "failed" never does.
const disconnectedTime = 2_000;
const failedTime = 200;
// How long a restart may take before the next one.
const restartTime = 6_000;
const maxRestarts = 3;

/**
 * Watch looks after one PeerConnection: it asks for an ICE restart when the
 * connection is lost, and for a new PeerConnection when restarts do not help.
 */
export class Watch {
  private wasConnected = false;
  private state: RTCPeerConnectionState = "new";
  private restarts = 0;
  private running = false;
  private cancel = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly restart: () => void,
    private readonly giveUp: () => void,
    /** Nothing gets through: it never did, or restarts do not help. */
    private readonly blocked: () => void = () => {},
  ) {}

  /** The node can be asked for things. */
  resume(): void {
    this.running = true;
    this.arm();
  }

  /** The node cannot be reached; nothing is tried meanwhile. */
  suspend(): void {
    this.running = false;
    this.restarts = 0;
    this.cancel();
  }

  /** A restart was made for another reason. */
  restarted(): void {
    this.restarts = 1;
    if (this.running && this.state !== "connected") this.wait(restartTime);
  }

  changed(state: RTCPeerConnectionState): void {
    if (state === this.state) return;
    this.state = state;
    if (state === "connected") {
      this.restarts = 0;
      this.wasConnected = true;
    }
    if (this.running) this.arm();
  }

  /** Ends it. */
  close(): void {
    this.suspend();
    this.state = "closed";
  }

  private arm(): void {
    this.cancel();
    switch (this.state) {
      case "connecting":
        this.wait(this.restarts > 0 ? restartTime : connectTime);
        break;
      case "disconnected":
        this.wait(this.restarts > 0 ? restartTime : disconnectedTime);
        break;
      case "failed":
        this.wait(failedTime);
    }
  }

  private wait(ms: number): void {
    this.cancel();
    this.cancel = this.clock.after(ms, () => {
      if (this.restarts >= maxRestarts) {
        this.restarts = 0;
        this.blocked();
        this.giveUp();
        return;
      }
      if (!this.wasConnected) this.blocked();
      this.restarts++;
      this.restart();
      this.wait(restartTime);
    });
  }
}
