// How long, in milliseconds, a picture may stand still before that is a stall,
// and how long the first one may take: it waits for a keyframe.
const patience = 2_000;
const firstPatience = 6_000;

/** Stalls finds pictures that stand still, by the frames that were decoded. */
export class Stalls {
  private counts = new Map<string, { frames: number; since: number }>();

  /**
   * Takes the frames so far of all tracks that ought to move, by their ids.
   * Returns the ids of those that have not moved for too long.
   */
  look(frames: ReadonlyMap<string, number>, now: number): string[] {
    const before = this.counts;
    this.counts = new Map();
    const stalled: string[] = [];
    for (const [id, n] of frames) {
      const was = before.get(id);
      const is = was?.frames === n ? was : { frames: n, since: now };
      this.counts.set(id, is);
      if (now - is.since > (n > 0 ? patience : firstPatience)) stalled.push(id);
    }
    return stalled;
  }
}
