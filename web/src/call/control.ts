import { Store } from "../state/store";
import type { Call } from "./call";
import type { Ways } from "./diagnose";
import type { EndReason, Entrance } from "./session";
import { noCall, type CallState, type ModerationAction } from "./state";
import type { TileView } from "./subscriptions";

/**
 * CallControl is the call as the page sees it. The code that makes calls is large,
 * and loads while the lobby is shown; a join that is faster waits for it.
 */
export class CallControl {
  readonly store = new Store<CallState>(noCall);
  private call: Call | null = null;
  private loading = false;
  private hidden = false;
  private waiting: Omit<Entrance, "receiveCodecs"> | null = null;

  constructor(private readonly loadCall: (store: Store<CallState>) => Promise<Call>) {}

  /** Loads what a call needs, once. Where that fails, the next join tries again. */
  async load(): Promise<void> {
    if (this.call || this.loading) return;
    this.loading = true;
    try {
      this.call = await this.loadCall(this.store);
      if (this.hidden) this.call.setHidden(true);
    } catch {
      if (this.waiting) this.store.set({ phase: "failed", ending: { reason: "not-loaded", detail: "" } });
    }
    this.loading = false;
    const { waiting } = this;
    this.waiting = null;
    if (waiting) this.call?.join(waiting);
  }

  /** Enters a room. */
  join(entrance: Omit<Entrance, "receiveCodecs">): void {
    if (this.call) {
      this.call.join(entrance);
      return;
    }
    this.waiting = entrance;
    this.store.set({ ...noCall, phase: "joining", viewOnly: entrance.viewOnly });
    void this.load();
  }

  /** Ends the stay. */
  leave(reason: EndReason = "left"): void {
    if (this.waiting) {
      this.waiting = null;
      this.store.set({ phase: reason === "left" ? "left" : "failed", ending: { reason, detail: "" } });
    }
    this.call?.leave(reason);
  }

  /** Back to the lobby after the stay has ended. */
  toLobby(): void {
    this.leave();
    this.store.set({ phase: "lobby", ending: null, room: noCall.room });
  }

  /** What was said of the last end does not hold any more. */
  forgetEnding(): void {
    if (this.store.state.phase === "failed") this.store.set({ phase: "lobby", ending: null });
  }

  /** How media would get through. */
  get ways(): Ways {
    return this.call?.ways ?? { ports: [], relayed: false };
  }

  get publishPC(): RTCPeerConnection | null {
    return this.call?.publishPC ?? null;
  }

  get subscribePC(): RTCPeerConnection | null {
    return this.call?.subscribePC ?? null;
  }

  /** Tries now what would wait for a timer: the user asks for it, or is back. */
  retryNow(): void {
    this.call?.retryNow();
  }

  /** The network of this device is another. */
  networkChanged(): void {
    this.call?.networkChanged();
  }

  /** Says something to the room; false while the node cannot be reached. */
  sendChat(text: string): boolean {
    return this.call?.sendChat(text) ?? false;
  }

  /** Does what a moderator may; false while the node cannot be reached. */
  moderate(action: ModerationAction): boolean {
    return this.call?.moderate(action) ?? false;
  }

  /** Asks for an invitation to the room; false while the node cannot be reached. */
  invite(): boolean {
    return this.call?.send({ case: "invite", value: {} }) ?? false;
  }

  /** Becomes a moderator by the admin's password; false while the node cannot be reached. */
  becomeModerator(password: string): boolean {
    return this.call?.send({ case: "becomeModerator", value: { password } }) ?? false;
  }

  /** Talks to a camera, or stops doing so. */
  talk(to: string): void {
    this.call?.talk(to);
  }

  /** How a tile shows a track; null when the tile is gone. */
  setTileView(trackId: string, view: TileView | null): void {
    this.call?.setTileView(trackId, view);
  }

  /** Nobody sees the page, or somebody does again. */
  setHidden(hidden: boolean): void {
    this.hidden = hidden;
    this.call?.setHidden(hidden);
  }
}
