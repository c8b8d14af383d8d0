import { TrackSource, type IceServer, type PublishAnswer } from "../proto/umbrella/v1/signal_pb";
import type { ClientBody } from "./messages";

/** One of the own sources: its track, if there is one just now. */
export interface OwnTrack {
  track: MediaStreamTrack | null;
  muted: boolean;
}

/** How much of the network a picture may take. */
export interface VideoLimits {
  /** Bits per second. */
  camera: number;
  screen: number;
}

export interface PublisherOptions {
  iceServers: IceServer[];
  limits: VideoLimits;
  send(body: ClientBody): void;
  onState(state: RTCPeerConnectionState): void;
  /** An offer could not be made or applied: this one is of no more use. */
  onBroken(error: unknown): void;
}

interface Slot {
  transceiver: RTCRtpTransceiver;
  source: TrackSource;
  /** Named in offers. A microphone and a camera always are. */
  published: boolean;
  muted: boolean;
}

const lasting = [TrackSource.MICROPHONE, TrackSource.CAMERA];

export function rtcConfiguration(iceServers: IceServer[]): RTCConfiguration {
  return {
    bundlePolicy: "max-bundle",
    iceServers: iceServers.map(({ urls, username, credential }) =>
      username ? { urls, username, credential } : { urls },
    ),
  };
}

/**
 * Publisher is the PeerConnection on which this browser sends. It offers; one
 * offer is in flight at a time, and the next covers all that came meanwhile.
 */
export class Publisher {
  readonly pc: RTCPeerConnection;
  private readonly slots = new Map<TrackSource, Slot>();
  private offerId = 0;
  private inFlight = false;
  private again = false;
  private restartNext = false;
  private closed = false;

  constructor(private readonly o: PublisherOptions) {
    this.pc = new RTCPeerConnection(rtcConfiguration(o.iceServers));
    this.pc.onconnectionstatechange = () => {
      if (!this.closed) o.onState(this.pc.connectionState);
    };
  }

  /** Sets the first tracks and makes the first offer. */
  start(tracks: ReadonlyMap<TrackSource, OwnTrack>): void {
    for (const source of lasting) this.apply(source, tracks.get(source) ?? { track: null, muted: true });
    for (const [source, own] of tracks) if (!lasting.includes(source)) this.apply(source, own);
    this.negotiate();
  }

  /** Changes what one source sends. */
  set(source: TrackSource, own: OwnTrack): void {
    if (this.closed) return;
    if (this.apply(source, own)) this.negotiate();
  }

  /** Changes how much of the network pictures may take. */
  setLimits(limits: VideoLimits): void {
    this.o.limits = limits;
    for (const source of [TrackSource.CAMERA, TrackSource.SCREEN]) {
      const sender = this.slots.get(source)?.transceiver.sender;
      const parameters = sender?.getParameters();
      const [encoding] = parameters?.encodings ?? [];
      if (!sender || !parameters || !encoding) continue;
      encoding.maxBitrate = source === TrackSource.SCREEN ? limits.screen : limits.camera;
      // A browser that cannot change it keeps the old limit.
      sender.setParameters(parameters).catch(() => {});
    }
  }

  /** Offers anew with an ICE restart, whatever the last offer came to. */
  restart(): void {
    this.restartNext = true;
    this.inFlight = false;
    this.negotiate();
  }

  async answered(answer: PublishAnswer): Promise<void> {
    if (this.closed || !this.inFlight || answer.id !== this.offerId) return;
    try {
      await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    } catch (error) {
      this.fail(error);
      return;
    }
    this.inFlight = false;
    if (this.again) this.negotiate();
  }

  /** The node refused something; true if that was an offer of ours. */
  refused(): boolean {
    return this.inFlight;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  /** Returns whether it has to be told by an offer. */
  private apply(source: TrackSource, own: OwnTrack): boolean {
    let slot = this.slots.get(source);
    if (!slot) {
      if (!own.track && !lasting.includes(source)) return false;
      slot = this.addSlot(source, own.track);
    }
    const { sender } = slot.transceiver;
    if (sender.track !== own.track) {
      // A track of the same kind needs no negotiation.
      sender.replaceTrack(own.track).catch((error: unknown) => this.fail(error));
    }
    const published = lasting.includes(source) || own.track !== null;
    const changed = published !== slot.published;
    slot.published = published;
    if (slot.muted !== own.muted) {
      slot.muted = own.muted;
      const { mid } = slot.transceiver;
      if (mid !== null && published && !changed) {
        this.o.send({ case: "setMuted", value: { mid, muted: own.muted } });
      }
    }
    return changed;
  }

  private addSlot(source: TrackSource, track: MediaStreamTrack | null): Slot {
    const audio = source === TrackSource.MICROPHONE || source === TrackSource.SCREEN_AUDIO;
    const limit = source === TrackSource.SCREEN ? this.o.limits.screen : this.o.limits.camera;
    const transceiver = this.pc.addTransceiver(track ?? (audio ? "audio" : "video"), {
      direction: "sendonly",
      sendEncodings: audio ? [{}] : [{ maxBitrate: limit }],
    });
    const slot = { transceiver, source, published: false, muted: false };
    this.slots.set(source, slot);
    return slot;
  }

  private negotiate(): void {
    if (this.closed) return;
    if (this.inFlight) {
      this.again = true;
      return;
    }
    this.inFlight = true;
    this.again = false;
    this.offer().catch((error: unknown) => this.fail(error));
  }

  private async offer(): Promise<void> {
    const id = ++this.offerId;
    const iceRestart = this.restartNext;
    this.restartNext = false;
    const offer = await this.pc.createOffer({ iceRestart });
    if (id !== this.offerId) return; // overtaken by a restart
    await this.pc.setLocalDescription(offer);
    if (id !== this.offerId || this.closed) return;
    const tracks = [...this.slots.values()]
      .filter((slot) => slot.published)
      .map(({ transceiver, source, muted }) => ({ mid: transceiver.mid ?? "", source, muted }));
    this.o.send({ case: "publishOffer", value: { id, sdp: offer.sdp ?? "", tracks } });
  }

  private fail(error: unknown): void {
    if (this.closed) return;
    this.close();
    this.o.onBroken(error);
  }
}
