import type { IceServer, Stream, StreamMap, SubscribeOffer } from "../proto/umbrella/v1/signal_pb";
import { refusedLines } from "./codecs";
import type { ClientBody } from "./messages";
import { rtcConfiguration } from "./publisher";

/** What plays, by the id of the track. */
export type Streams = ReadonlyMap<string, MediaStreamTrack>;

export interface SubscriberOptions {
  iceServers: IceServer[];
  send(body: ClientBody): void;
  onState(state: RTCPeerConnectionState): void;
  /** Which tracks play, and the ids of those that this browser turned down,
   * whenever that changes. */
  /** leftOut: why the node has no place for a track, by its id. */
  onStreams(streams: Streams, refused: ReadonlySet<string>, leftOut: ReadonlyMap<string, string>): void;
  /** An offer of the node could not be applied. */
  onBroken(error: unknown): void;
}

/**
 * Subscriber is the PeerConnection on which the node sends. The node offers;
 * which track plays on which m-line is told apart from that, by the StreamMap.
 */
export class Subscriber {
  readonly pc: RTCPeerConnection;
  private map: readonly Stream[] = [];
  private leftOut: ReadonlyMap<string, string> = new Map();
  private toldLeftOut = this.leftOut;
  private streams: Streams = new Map();
  private refusedMids: ReadonlySet<string> = new Set();
  private refused: ReadonlySet<string> = new Set();
  private offers: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly o: SubscriberOptions) {
    this.pc = new RTCPeerConnection(rtcConfiguration(o.iceServers));
    this.pc.onconnectionstatechange = () => {
      if (!this.closed) o.onState(this.pc.connectionState);
    };
    this.pc.ontrack = () => this.update();
  }

  /** Answers an offer, after those that came before it. */
  offered(offer: SubscribeOffer): void {
    this.offers = this.offers.then(() => this.answer(offer)).catch((error: unknown) => {
      if (!this.closed) this.o.onBroken(error);
    });
  }

  mapped(map: StreamMap): void {
    this.map = map.streams;
    this.leftOut = new Map(map.leftOutTrackIds.map((id) => [id, map.leftOutReason]));
    this.update();
  }

  /** Asks the node for an offer with an ICE restart. */
  restart(): void {
    this.o.send({ case: "restartIce", value: {} });
  }

  /** How many frames were decoded of each of those tracks that plays. */
  async frames(trackIds: readonly string[]): Promise<Map<string, number>> {
    const playing = new Map<string, string>();
    for (const id of trackIds) {
      const track = this.streams.get(id);
      if (track) playing.set(track.id, id);
    }
    const frames = new Map<string, number>();
    if (playing.size === 0 || this.closed) return frames;
    // The reports are keyed by anything; TypeScript knows of forEach alone.
    (await this.pc.getStats()).forEach((report: RTCInboundRtpStreamStats) => {
      const id = report.type === "inbound-rtp" && playing.get(report.trackIdentifier);
      if (id) frames.set(id, report.framesDecoded ?? 0);
    });
    return frames;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pc.onconnectionstatechange = null;
    this.pc.ontrack = null;
    this.pc.close();
  }

  private async answer(offer: SubscribeOffer): Promise<void> {
    if (this.closed) return;
    await this.pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    const answer = await this.pc.createAnswer();
    await this.pc.setLocalDescription(answer);
    // No candidate is waited for: the node needs none.
    this.o.send({ case: "subscribeAnswer", value: { id: offer.id, sdp: answer.sdp ?? "" } });
    this.refusedMids = refusedLines(offer.sdp, answer.sdp ?? "");
    this.update();
  }

  private update(): void {
    if (this.closed) return;
    const byMid = new Map(this.pc.getTransceivers().map((t) => [t.mid, t.receiver.track]));
    const streams = new Map<string, MediaStreamTrack>();
    const refused = new Set<string>();
    for (const { mid, trackId } of this.map) {
      const track = byMid.get(mid);
      if (this.refusedMids.has(mid)) refused.add(trackId);
      else if (track) streams.set(trackId, track);
    }
    if (
      streams.size === this.streams.size &&
      [...streams].every(([id, track]) => this.streams.get(id) === track) &&
      refused.size === this.refused.size &&
      [...refused].every((id) => this.refused.has(id)) &&
      this.leftOut.size === this.toldLeftOut.size &&
      [...this.leftOut].every(([id, why]) => this.toldLeftOut.get(id) === why)
    ) {
      return;
    }
    this.streams = streams;
    this.refused = refused;
    this.toldLeftOut = this.leftOut;
    this.o.onStreams(streams, refused, this.leftOut);
  }
}
