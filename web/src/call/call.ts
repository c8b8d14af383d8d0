import { Error_Code, TrackSource, type IceServer, type Joined } from "../proto/umbrella/v1/signal_pb";
import type { Store } from "../state/store";
import type { VideoQuality } from "./capture";
import type { Clock } from "./clock";
import { receivableCodecs } from "./codecs";
import { waysOf, type Ways } from "./diagnose";
import type { VideoCodec } from "./encodings";
import { bitRates, type LocalMedia } from "./media";
import type { ClientBody, ServerBody } from "./messages";
import { Publisher } from "./publisher";
import {
  joinedRoom,
  missedChat,
  moving,
  updatedRoom,
  withChat,
  withQualities,
  withSpeakers,
  type Room,
  type RoomEvent,
} from "./room";
import { Session, type Ending, type EndReason, type Entrance } from "./session";
import type { Connect } from "./socket";
import { isOff, mutedWords, ownTracks, turnOff } from "./sources";
import { emptyRoom, type CallState, type ModerationAction, type Talk } from "./state";
import { Subscriber } from "./subscriber";
import { Stalls } from "./stalls";
import { Subscriptions, type TileView } from "./subscriptions";
import { Watch } from "./watch";

// What belongs to a call, and loads together with it.
export { whyNoSocket } from "./nosocket";
export { connectSocket } from "./socket";

export interface CallOptions {
  /** Where it tells what is so. */
  store: Store<CallState>;
  connect: Connect;
  /** Finds out why no connection opens; empty where nobody says. */
  diagnose?: () => Promise<string>;
  clock: Clock;
  media: LocalMedia;
  onEvent(event: RoomEvent): void;
  /** The node turned a request down, in its own words. */
  onComplaint(code: Error_Code, message: string): void;
  /** The node lets this one watch only, who would have been heard and seen. */
  onDemoted(): void;
}

// Changes of tiles are gathered before they are told; scrolling makes many.
const tellDelay = 120;
// A page hidden for a moment keeps its pictures.
const hiddenDelay = 2_000;
// After coming in anew, those who come back with us are no news.
const quietTime = 5_000;
const rebuildDelay = 1_000;
// Counting frames costs a browser some work.
const lookInterval = 1_000;

/**
 * Call is a stay in a room with everything that belongs to it: signalling,
 * both PeerConnections, and what is known of the room.
 */
export class Call {
  private readonly store: Store<CallState>;
  private session: Session | null = null;
  private publisher: Publisher | null = null;
  private subscriber: Subscriber | null = null;
  private publishWatch: Watch | null = null;
  private subscribeWatch: Watch | null = null;
  private iceServers: IceServer[] = [];
  private readonly subscriptions = new Subscriptions();
  private cancelTell: (() => void) | null = null;
  private cancelLater = () => {};
  private cancelHidden = () => {};
  private cancelLook = () => {};
  private cancelRebuild = () => {};
  private quietUntil = Infinity;
  private quality: VideoQuality = "standard";
  private codec: VideoCodec = "";
  private readonly endMedia: () => void;

  constructor(private readonly o: CallOptions) {
    this.store = o.store;
    this.endMedia = o.media.store.subscribe(() => this.mediaChanged());
  }

  /** How media would get through. */
  get ways(): Ways {
    return waysOf((this.subscriber ?? this.publisher)?.pc.remoteDescription?.sdp ?? "", this.iceServers);
  }

  get publishPC(): RTCPeerConnection | null {
    return this.publisher?.pc ?? null;
  }

  get subscribePC(): RTCPeerConnection | null {
    return this.subscriber?.pc ?? null;
  }

  /** Enters a room. */
  join(entrance: Omit<Entrance, "receiveCodecs">): void {
    this.session?.leave();
    this.teardown();
    const codecs = receivableCodecs();
    this.store.set({
      phase: "joining",
      ending: null,
      retryAt: null,
      mediaBlocked: false,
      viewOnly: entrance.viewOnly,
      room: emptyRoom,
      codecs,
      talk: null,
    });
    const session = new Session({
      connect: this.o.connect,
      diagnose: this.o.diagnose,
      clock: this.o.clock,
      entrance: { ...entrance, receiveCodecs: codecs },
      onState: (state) => {
        if (session !== this.session) return;
        switch (state.phase) {
          case "joining":
            break;
          case "joined":
            this.store.set({ phase: "joined", retryAt: null });
            break;
          case "reconnecting":
            this.publishWatch?.suspend();
            this.subscribeWatch?.suspend();
            this.store.set({ phase: "reconnecting", retryAt: state.retryAt });
            break;
          case "ended":
            this.ended(state.ending);
        }
      },
      onJoined: (joined) => this.joined(joined),
      onMessage: (body) => this.receive(body),
    });
    this.session = session;
    session.start();
  }

  /** Ends the stay. */
  leave(reason?: EndReason): void {
    this.session?.leave(reason);
  }

  /** Back to the lobby after the stay has ended. */
  toLobby(): void {
    if (this.session) this.leave();
    this.store.set({ phase: "lobby", ending: null, room: emptyRoom });
  }

  /** Tries now what would wait for a timer: the user asks for it, or is back. */
  retryNow(): void {
    this.session?.retryNow();
  }

  /** The network of this device is another. */
  networkChanged(): void {
    if (!this.session) return;
    this.session.networkChanged();
    if (this.store.state.phase === "joined") this.restartIce();
  }

  /** Says something to the room; false while the node cannot be reached. */
  sendChat(text: string): boolean {
    return this.session?.send({ case: "sendChat", value: { text } }) ?? false;
  }

  /** Sends what changes nothing here; false while the node cannot be reached. */
  send(body: ClientBody): boolean {
    return this.session?.send(body) ?? false;
  }

  /** Does what a moderator may; false while the node cannot be reached. */
  moderate(action: ModerationAction): boolean {
    return this.session?.send({ case: "moderate", value: { action } }) ?? false;
  }

  /** Talks to a camera, or stops doing so. */
  talk(to: string): void {
    const { talk } = this.store.state;
    this.setTalk(talk?.to === to ? null : { to, live: false });
  }

  private setTalk(talk: Talk | null): void {
    const before = this.store.state.talk;
    if (talk ?? before) this.publisher?.talk((talk ?? before)?.to ?? "", { track: this.o.media.store.state.microphone.track, muted: !talk });
    this.store.set({ talk });
  }

  /** How a tile shows a track; null when the tile is gone. */
  setTileView(trackId: string, view: TileView | null): void {
    this.subscriptions.set(trackId, view);
    this.tellSoon();
  }

  /** Nobody sees the page, or somebody does again. */
  setHidden(hidden: boolean): void {
    this.cancelHidden();
    const apply = () => {
      this.subscriptions.setHidden(hidden);
      this.tellSoon();
    };
    if (hidden) this.cancelHidden = this.o.clock.after(hiddenDelay, apply);
    else {
      this.cancelHidden = () => {};
      apply();
    }
  }

  /** Leaves and gives everything back. */
  close(): void {
    this.leave();
    this.endMedia();
  }

  private joined(joined: Joined): void {
    this.iceServers = joined.iceServers;
    if (joined.resumed && (this.publisher ?? this.subscriber)) {
      this.publishWatch?.resume();
      this.subscribeWatch?.resume();
      // The socket was lost, so the network may be another.
      this.restartIce();
    } else {
      this.teardown();
      this.store.set({ streams: new Map(), refused: new Set(), leftOut: new Map(), stalled: new Set(), mediaBlocked: false });
      this.subscriptions.forget();
      this.quietUntil = this.o.clock.now() + (this.store.state.room.selfId ? quietTime : 0);
      if (!this.store.state.viewOnly && joined.participants.some((p) => p.id === joined.participantId && p.viewOnly)) {
        this.store.set({ viewOnly: true });
        this.o.onDemoted();
      }
      if (!this.store.state.viewOnly) this.publish();
    }
    const { room } = this.store.state;
    this.setRoom(joinedRoom(room, joined));
    if (room.selfId) for (const message of missedChat(room, joined)) this.o.onEvent({ kind: "chat", message });
  }

  private setRoom(room: Room): void {
    this.store.set({ room });
    this.subscriptions.keep(new Set(room.participants.flatMap((p) => p.tracks.map((t) => t.id))));
    this.tellSoon();
  }

  private receive(body: ServerBody): void {
    const { room } = this.store.state;
    switch (body.case) {
      case "publishAnswer":
        void this.publisher?.answered(body.value);
        break;
      case "publishDemand":
        this.publisher?.demanded(body.value);
        break;
      case "subscribeOffer":
        this.ensureSubscriber().offered(body.value);
        break;
      case "streamMap":
        this.ensureSubscriber().mapped(body.value);
        break;
      case "roomUpdate": {
        const { room: next, events } = updatedRoom(room, body.value);
        this.setRoom(next);
        const quiet = this.o.clock.now() < this.quietUntil;
        for (const event of events) if (!quiet || (event.kind !== "came" && event.kind !== "went")) this.o.onEvent(event);
        break;
      }
      case "speakers":
        this.store.set({ room: withSpeakers(room, body.value) });
        break;
      case "connectionQualities":
        this.store.set({ room: withQualities(room, body.value) });
        break;
      case "talkUpdate": {
        const { participantId: to, live, problem } = body.value;
        if (this.store.state.talk?.to !== to) break;
        if (live) this.store.set({ talk: { to, live } });
        else {
          this.setTalk(null);
          this.o.onComplaint(Error_Code.UNSPECIFIED, problem);
        }
        break;
      }
      case "invited":
        this.o.onEvent({ kind: "invited", token: body.value.token, endsAt: Number(body.value.endsAtMs) });
        break;
      case "muted":
        this.silenced(body.value.mid);
        break;
      case "chatMessage":
        if (room.chat.some((m) => m.id === body.value.id)) break;
        this.store.set({ room: withChat(room, body.value) });
        this.o.onEvent({ kind: "chat", message: body.value });
        break;
      case "error":
        this.complained(body.value.code, body.value.message);
    }
  }

  /** A moderator has muted an own track: what it came from is turned off. */
  private silenced(mid: string): void {
    const source = this.publisher?.silenced(mid) ?? null;
    if (source === null) return;
    if (source === TrackSource.UNSPECIFIED) this.setTalk(null);
    else turnOff(this.o.media, source);
    this.o.onEvent({ kind: "muted", words: mutedWords(source), holds: () => isOff(this.o.media.store.state, source) });
  }

  private complained(code: Error_Code, message: string): void {
    if (code === Error_Code.NEGOTIATION_FAILED) {
      if (this.publisher?.refused()) this.rebuildPublisher();
      else this.session?.rejoin();
      return;
    }
    this.o.onComplaint(code, message);
  }

  private publish(): void {
    this.quality = this.o.media.store.state.quality;
    this.codec = this.o.media.store.state.codec;
    this.publishWatch?.close();
    this.publisher?.close();
    const watch = new Watch(this.o.clock, () => publisher.restart(), () => this.rebuildPublisher(), this.blocked);
    const publisher = new Publisher({
      iceServers: this.iceServers,
      clock: this.o.clock,
      limits: bitRates[this.quality],
      codec: this.codec,
      send: (body) => this.session?.send(body),
      onState: (state) => this.connectionChanged(watch, state),
      onBroken: () => {
        if (this.publisher === publisher) this.rebuildPublisher();
      },
    });
    this.publisher = publisher;
    this.publishWatch = watch;
    watch.resume();
    publisher.start(ownTracks(this.o.media.store.state));
    this.store.set({ talk: null });
  }

  private rebuildPublisher(): void {
    this.publishWatch?.close();
    this.publisher?.close();
    this.cancelRebuild();
    this.cancelRebuild = this.o.clock.after(rebuildDelay, () => {
      if (this.session && !this.store.state.viewOnly) this.publish();
    });
  }

  private ensureSubscriber(): Subscriber {
    if (this.subscriber) return this.subscriber;
    // The node keeps its side as long as the session lasts: begin anew.
    const watch = new Watch(this.o.clock, () => subscriber.restart(), () => this.session?.rejoin(), this.blocked);
    const subscriber = new Subscriber({
      iceServers: this.iceServers,
      send: (body) => this.session?.send(body),
      onState: (state) => this.connectionChanged(watch, state),
      onStreams: (streams, refused, leftOut) => this.store.set({ streams, refused, leftOut }),
      onBroken: () => {
        if (this.subscriber === subscriber) this.session?.rejoin();
      },
    });
    this.subscriber = subscriber;
    this.subscribeWatch = watch;
    watch.resume();
    this.lookSoon(subscriber, new Stalls());
    return subscriber;
  }

  private connectionChanged(watch: Watch, state: RTCPeerConnectionState): void {
    watch.changed(state);
    if (state === "connected") this.store.set({ mediaBlocked: false });
  }

  private readonly blocked = () => this.store.set({ mediaBlocked: true });

  private restartIce(): void {
    if (this.publisher) {
      this.publisher.restart();
      this.publishWatch?.restarted();
    }
    if (this.subscriber) {
      this.subscriber.restart();
      this.subscribeWatch?.restarted();
    }
  }

  private mediaChanged(): void {
    if (!this.publisher) return;
    const { quality, codec } = this.o.media.store.state;
    if (codec !== this.codec) {
      // Encodings are chosen once, when a connection is made.
      this.publish();
      return;
    }
    for (const [source, own] of ownTracks(this.o.media.store.state)) this.publisher.set(source, own);
    if (this.store.state.talk) this.setTalk(this.o.media.store.state.microphone.wanted ? this.store.state.talk : null);
    if (quality !== this.quality) {
      this.quality = quality;
      this.publisher.setLimits(bitRates[quality]);
    }
  }

  /** Looks again and again which pictures stand still. */
  private lookSoon(subscriber: Subscriber, stalls: Stalls): void {
    this.cancelLook();
    this.cancelLook = this.o.clock.after(lookInterval, () => {
      const { phase, room } = this.store.state;
      const ids = phase === "joined" ? moving(room).filter((id) => this.subscriptions.wants(id)) : [];
      const look = (frames: ReadonlyMap<string, number>) => {
        if (subscriber !== this.subscriber) return;
        const stalled = stalls.look(frames, this.o.clock.now());
        const old = this.store.state.stalled;
        if (stalled.length !== old.size || !stalled.every((id) => old.has(id))) this.store.set({ stalled: new Set(stalled) });
        this.lookSoon(subscriber, stalls);
      };
      subscriber.frames(ids).then(look, () => look(new Map()));
    });
  }

  private tellSoon(): void {
    this.cancelTell ??= this.o.clock.after(tellDelay, () => {
      this.cancelTell = null;
      if (this.store.state.phase !== "joined") return;
      const now = this.o.clock.now();
      const settings = this.subscriptions.take(now);
      if (settings.length > 0) this.session?.send({ case: "setSubscriptions", value: { settings } });
      this.cancelLater();
      const wait = this.subscriptions.wait(now);
      if (wait < Infinity) this.cancelLater = this.o.clock.after(wait, () => this.tellSoon());
    });
  }

  private ended(ending: Ending): void {
    this.session = null;
    this.teardown();
    this.store.set({
      phase: ending.reason === "left" ? "left" : "failed",
      ending,
      retryAt: null,
      mediaBlocked: false,
      streams: new Map(),
      refused: new Set(),
      leftOut: new Map(),
      stalled: new Set(),
    });
  }

  private teardown(): void {
    this.cancelRebuild();
    this.cancelLater();
    this.cancelLook();
    this.publishWatch?.close();
    this.subscribeWatch?.close();
    this.publisher?.close();
    this.subscriber?.close();
    this.publisher = this.subscriber = this.publishWatch = this.subscribeWatch = null;
  }
}
