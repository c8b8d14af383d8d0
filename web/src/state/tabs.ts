import type { Clock } from "../call/clock";

// A tab that has not answered after this has crashed, or is frozen.
const answerTime = 1_000;

/** A stay in a call, as the tabs of one browser tell each other of it. */
export interface Stay {
  /** Of the tab. */
  id: string;
  room: string;
  /** When it began, in milliseconds since 1970. */
  since: number;
  /** With a microphone, not just to watch. */
  speaks: boolean;
}

export type TabMessage = { type: "ask" } | { type: "here"; stay: Stay } | { type: "gone"; id: string };

/** What of a BroadcastChannel is needed. */
export interface Channel {
  postMessage(message: TabMessage): void;
  onmessage: ((event: MessageEvent<TabMessage>) => void) | null;
}

export interface TabsOptions {
  id: string;
  clock: Clock;
  /** Others have come or gone. */
  onChange(): void;
  /** The own call goes on in another tab. */
  onMoved(): void;
}

/**
 * Tabs knows of the calls in the other tabs of this browser. Two microphones of one
 * machine in one room howl, and two tabs that play it echo (peer-calls/peer-calls#86,
 * nextcloud/spreed#5350): with a microphone the newest stay counts, and where one just
 * watches the tab with the microphone has the sound, else the oldest.
 */
export class Tabs {
  private readonly others = new Map<string, Stay>();
  private mine: Stay | null = null;
  private cancelSweep = () => {};
  private answered = new Set<string>();

  constructor(
    private readonly channel: Channel,
    private readonly o: TabsOptions,
  ) {
    channel.onmessage = (event) => this.receive(event.data);
    this.ask();
  }

  /** Asks the others anew: one that has crashed has not said that it goes. */
  ask(): void {
    this.answered = new Set();
    this.cancelSweep();
    this.cancelSweep = this.o.clock.after(answerTime, () => {
      for (const id of this.others.keys()) if (!this.answered.has(id)) this.others.delete(id);
      this.o.onChange();
    });
    this.channel.postMessage({ type: "ask" });
    // One that slept may have been forgotten.
    this.tell();
  }

  /** This tab is in the call of that room; "" for none. */
  set(room: string, speaks: boolean): void {
    if (room === (this.mine?.room ?? "") && speaks === (this.mine?.speaks ?? speaks)) return;
    this.mine = room ? { id: this.o.id, room, since: this.o.clock.now(), speaks } : null;
    if (this.mine) this.tell();
    else this.channel.postMessage({ type: "gone", id: this.o.id });
    this.o.onChange();
  }

  /** Reports whether another tab has the sound of that room, or in the lobby a call with a microphone. */
  elsewhere(room: string): boolean {
    const { mine } = this;
    return [...this.others.values()].some((other) => {
      if (other.room !== room) return false;
      if (!mine || other.speaks !== mine.speaks) return other.speaks;
      return !mine.speaks && older(other, mine);
    });
  }

  private tell(): void {
    if (this.mine) this.channel.postMessage({ type: "here", stay: this.mine });
  }

  private receive(message: TabMessage): void {
    switch (message.type) {
      case "ask":
        this.tell();
        return;
      case "gone":
        if (this.others.delete(message.id)) this.o.onChange();
        return;
      case "here": {
        const { stay } = message;
        this.others.set(stay.id, stay);
        this.answered.add(stay.id);
        this.o.onChange();
        if (this.mine?.speaks && stay.speaks && stay.room === this.mine.room && older(this.mine, stay)) this.o.onMoved();
      }
    }
  }
}

const older = (a: Stay, b: Stay) => a.since < b.since || (a.since === b.since && a.id < b.id);

/** The channel of the tabs of one node; null in a browser without. */
export function tabChannel(basePath: string): Channel | null {
  return "BroadcastChannel" in globalThis ? new BroadcastChannel(`umbrella ${basePath}`) : null;
}
