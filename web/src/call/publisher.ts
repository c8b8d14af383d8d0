import { TrackSource, type IceServer, type PublishAnswer, type PublishDemand } from "../proto/umbrella/v1/signal_pb";
import type { Clock } from "./clock";
import { withFirst } from "./codecs";
import { encodingPlans, fitEncodings, type Size, type VideoCodec } from "./encodings";
import type { ClientBody } from "./messages";
import { Sending } from "./sending";

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
  clock: Clock;
  limits: VideoLimits;
  /** What pictures are sent in, where the node takes it. */
  codec: VideoCodec;
  send(body: ClientBody): void;
  onState(state: RTCPeerConnectionState): void;
  /** An offer could not be made or applied: this one is of no more use. */
  onBroken(error: unknown): void;
}

interface Slot {
  transceiver: RTCRtpTransceiver;
  source: TrackSource;
  /** Null for sound. */
  sending: Sending | null;
  /** Named in offers. A microphone and a camera always are. */
  published: boolean;
  muted: boolean;
}

/** What is said to one camera; the room does not get it. */
const talk = TrackSource.UNSPECIFIED;

const lasting = [TrackSource.MICROPHONE, TrackSource.CAMERA];
// How often it is looked at whether a picture has another size: a phone was
// turned, or the window that is shared was made larger. No event tells.
const sizeInterval = 1_000;

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
  private talkTo = "";
  private cancelSizes = () => {};

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
    this.watchSizes();
  }

  /** Changes what one source sends. */
  set(source: TrackSource, own: OwnTrack): void {
    if (this.closed) return;
    if (this.apply(source, own)) this.negotiate();
  }

  /** Says something to a camera, or with muted set nothing any more. */
  talk(to: string, own: OwnTrack): void {
    const other = to !== this.talkTo;
    this.talkTo = to;
    const slot = this.slots.get(talk);
    // The offer tells that, too; before it, it would be said to the other one.
    if (slot && other) slot.muted = own.muted;
    if (!this.closed && (this.apply(talk, own) || other)) this.negotiate();
  }

  /** Changes how much of the network pictures may take. */
  setLimits(limits: VideoLimits): void {
    this.o.limits = limits;
    for (const { source, sending } of this.slots.values()) sending?.setLimit(limitOf(source, limits));
  }

  /** What of the own pictures anybody takes. */
  demanded({ tracks }: PublishDemand): void {
    for (const { transceiver, sending } of this.slots.values()) {
      sending?.setDemand(tracks.find((t) => t.mid === transceiver.mid)?.rids ?? null);
    }
  }

  /**
   * The node has muted one of the tracks. Returns its source, or null where there
   * is none of that mid; UNSPECIFIED is what is said to a camera.
   */
  silenced(mid: string): TrackSource | null {
    const slot = [...this.slots.values()].find((s) => s.published && s.transceiver.mid === mid);
    if (!slot) return null;
    // It knows already.
    slot.muted = true;
    return slot.source;
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
    // A node that takes no simulcast leaves the first encoding alone.
    this.updateSizes();
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
    this.cancelSizes();
    for (const { sending } of this.slots.values()) sending?.close();
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
    const { transceiver, sending } = slot;
    if (transceiver.sender.track !== own.track) {
      // A track of the same kind needs no negotiation.
      transceiver.sender.replaceTrack(own.track).then(
        () => sending?.update(),
        (error: unknown) => this.fail(error),
      );
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
    const audio = source === TrackSource.MICROPHONE || source === TrackSource.SCREEN_AUDIO || source === talk;
    const transceiver = audio
      ? this.pc.addTransceiver(track ?? "audio", { direction: "sendonly" })
      : this.addPicture(source === TrackSource.SCREEN, track);
    // What cameras take.
    if (source === talk) transceiver.setCodecPreferences(audioCodecs().filter((c) => c.mimeType === "audio/PCMU"));
    const { sender } = transceiver;
    const sending = audio
      ? null
      : new Sending(sender, source === TrackSource.SCREEN, () => sizeOf(sender.track));
    sending?.setLimit(limitOf(source, this.o.limits));
    const slot = { transceiver, source, sending, published: false, muted: false };
    this.slots.set(source, slot);
    return slot;
  }

  private addPicture(screen: boolean, track: MediaStreamTrack | null): RTCRtpTransceiver {
    const limit = screen ? this.o.limits.screen : this.o.limits.camera;
    let refusal: unknown;
    for (const sendEncodings of encodingPlans(screen, this.o.codec)) {
      fitEncodings(sendEncodings, { screen, size: sizeOf(track), limit, demand: null });
      try {
        const transceiver = this.pc.addTransceiver(track ?? "video", { direction: "sendonly", sendEncodings });
        try {
          const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
          transceiver.setCodecPreferences(withFirst(codecs, this.o.codec || "VP8"));
        } catch {
          // A browser that cannot do that sends what it likes best.
        }
        return transceiver;
      } catch (error) {
        refusal = error;
      }
    }
    throw refusal;
  }

  private updateSizes(): void {
    for (const { sending } of this.slots.values()) sending?.update();
  }

  private watchSizes(): void {
    this.cancelSizes = this.o.clock.after(sizeInterval, () => {
      this.updateSizes();
      this.watchSizes();
    });
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
      .map(({ transceiver, source, muted }) => ({
        mid: transceiver.mid ?? "",
        muted,
        ...(source === talk ? { talkTo: this.talkTo } : { source }),
      }));
    this.o.send({ case: "publishOffer", value: { id, sdp: offer.sdp ?? "", tracks } });
  }

  private fail(error: unknown): void {
    if (this.closed) return;
    this.close();
    this.o.onBroken(error);
  }
}

const audioCodecs = () => RTCRtpSender.getCapabilities("audio")?.codecs ?? [];

function limitOf(source: TrackSource, limits: VideoLimits): number {
  return source === TrackSource.SCREEN ? limits.screen : limits.camera;
}

function sizeOf(track: MediaStreamTrack | null): Size | null {
  const { width, height } = track?.getSettings() ?? {};
  return width && height ? { width, height } : null;
}
