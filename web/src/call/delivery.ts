import type { DeviceKind } from "./capture";
import type { Clock } from "./clock";
import type { Media } from "./media";

// A microphone that is open is never quite silent for this long, and a camera never still.
const lookTime = 3_000;

export interface DeliveryOptions {
  clock: Clock;
  media(): Media;
  /** What the own devices have given so far, by the ids of their tracks: energy or frames. */
  given(): Promise<ReadonlyMap<string, number>>;
  reopen(kind: DeviceKind): void;
}

/**
 * Delivery finds devices that are open and give nothing. After a phone call or a sleep
 * some are live and not muted, but silent or still (100mslive/web-sdks#3728,
 * twilio/twilio-video.js#1206, UnigramDev/Unigram#2037): they are opened anew, once.
 */
export class Delivery {
  private readonly suspects = new Set<DeviceKind>();
  private cancel = () => {};
  private closed = false;

  constructor(private readonly o: DeliveryOptions) {}

  /** Something may have happened to a device. */
  suspect(kind: DeviceKind): void {
    this.suspects.add(kind);
    this.turnedOn();
  }

  /** A device is turned on: one that was off could not be looked at. */
  turnedOn(): void {
    this.cancel();
    if (this.suspects.size > 0) void this.look();
  }

  close(): void {
    this.closed = true;
    this.cancel();
  }

  private async look(): Promise<void> {
    const before = await this.given();
    if (this.closed) return;
    this.cancel();
    this.cancel = this.o.clock.after(lookTime, () => void this.judge(before));
  }

  private async judge(before: ReadonlyMap<string, number>): Promise<void> {
    const now = await this.given();
    if (this.closed) return;
    for (const kind of [...this.suspects]) {
      const { wanted, track, interrupted } = this.o.media()[kind];
      // Turned off, it gives nothing and need not.
      if (!track || !wanted || interrupted) continue;
      this.suspects.delete(kind);
      const is = now.get(track.id);
      if (is !== undefined && is === before.get(track.id)) this.o.reopen(kind);
    }
  }

  private async given(): Promise<ReadonlyMap<string, number>> {
    try {
      return await this.o.given();
    } catch {
      return new Map();
    }
  }
}

/** What the sources of a connection have given so far, where the browser counts it. */
export async function givenBy(pc: RTCPeerConnection | null): Promise<ReadonlyMap<string, number>> {
  const given = new Map<string, number>();
  for (const report of ((await pc?.getStats()) ?? new Map<string, unknown>()).values()) {
    const { type, trackIdentifier, totalAudioEnergy, frames } = report as RTCStats & Record<string, unknown>;
    const count = totalAudioEnergy ?? frames;
    if (type === "media-source" && typeof trackIdentifier === "string" && typeof count === "number") given.set(trackIdentifier, count);
  }
  return given;
}
