/**
 * The state of a node as /status gives it in JSON: umbrella.v1.Status in the
 * JSON form of protobuf, in which 64-bit numbers are texts and what is zero
 * may be left out.
 */
export interface Status {
  version?: string;
  startedAtMs?: Long;
  nowMs?: Long;
  rooms?: RoomStatus[];
  process?: ProcessStatus;
  nodeName?: string;
  nodeId?: string;
  trunks?: TrunkStatus[];
  ways?: NodeWay[];
  cameras?: CameraStatus[];
  limits?: LimitStatus[];
  urls?: string[];
  problems?: string[];
}

export interface ProcessStatus {
  memoryLimitBytes?: Long;
  memoryLimitedBy?: string;
  memoryNeededBytes?: Long;
  memoryMostNeededBytes?: Long;
  memoryAvailableBytes?: Long;
  memoryTotalBytes?: Long;
  shortOfMemory?: boolean;
  shortOfMemoryReason?: string;
}

/** One bound of the node, and how near it is. */
export interface LimitStatus {
  name?: string;
  description?: string;
  unit?: string;
  used?: Long;
  most?: Long;
  refused?: Long;
}

/** Two nodes that are joined, as far as it is known here. */
export interface NodeWay {
  a?: string;
  b?: string;
  used?: boolean;
}

export interface CameraStatus {
  id?: string;
  name?: string;
  room?: string;
  phase?: string;
  sinceMs?: Long;
  trouble?: CameraTrouble | null;
  retryAtMs?: Long;
  streams?: CameraStream[];
}

export interface CameraStream {
  option?: string;
  transport?: string;
  video?: string;
  sound?: string;
  notes?: CameraTrouble[];
}

export interface CameraTrouble {
  reason?: string;
  advice?: string;
}

export interface TrunkStatus {
  name?: string;
  url?: string;
  rooms?: string[];
  problem?: string;
  failedAtMs?: Long;
  retryAtMs?: Long;
  links?: TrunkLink[];
}

export interface TrunkLink {
  nodeId?: string;
  nodeName?: string;
  address?: string;
  media?: string;
  sinceMs?: Long;
  roundTripMs?: number;
  sentStreams?: number;
  sentBitsPerSecond?: Long;
  receivedStreams?: number;
  receivedBitsPerSecond?: Long;
  availableBitsPerSecond?: Long;
  routes?: number;
  refused?: string;
}

export type Long = string | number;

export interface RoomStatus {
  name?: string;
  openedAtMs?: Long;
  participants?: ParticipantStatus[];
}

export interface ParticipantStatus {
  id?: string;
  name?: string;
  kind?: string;
  viewOnly?: boolean;
  joinedAtMs?: Long;
  address?: string;
  quality?: string;
  tracks?: TrackStatus[];
  subscriptions?: SubscriptionStatus[];
  peerConnections?: PeerConnectionStatus[];
  nodeName?: string;
  nodeId?: string;
  lastingName?: string;
}

export interface TrackStatus {
  id?: string;
  kind?: string;
  source?: string;
  codec?: string;
  muted?: boolean;
  layers?: LayerStatus[];
  subscribers?: number;
}

export interface LayerStatus {
  ssrc?: number;
  packets?: Long;
  bytes?: Long;
  bitsPerSecond?: Long;
  lost?: Long;
  keyframes?: Long;
  keyframeRequests?: Long;
  keyframeRequestsHeld?: Long;
  rid?: string;
  subscribers?: number;
  width?: number;
  height?: number;
}

export interface SubscriptionStatus {
  trackId?: string;
  mid?: string;
  paused?: boolean;
  packets?: Long;
  bytes?: Long;
  bitsPerSecond?: Long;
  nacks?: Long;
  retransmissions?: Long;
  keyframeRequests?: Long;
  loss?: number;
  roundTripMs?: number;
  jitterMs?: number;
  rid?: string;
  spatialLayer?: number;
  temporalLayer?: number;
  limited?: boolean;
}

export interface PeerConnectionStatus {
  role?: string;
  state?: string;
  iceState?: string;
  signalingState?: string;
  remoteAddress?: string;
  protocol?: string;
  srtpProfile?: string;
  availableBitsPerSecond?: Long;
}

/** A number that may be a text, or left out. */
export function num(value: Long | undefined): number {
  const n = Number(value ?? 0);
  return Number.isFinite(n) ? n : 0;
}

/** "TRACK_SOURCE_SCREEN_AUDIO" as "screen audio". */
export function plain(value: string | undefined, prefix: string): string {
  if (!value || value === `${prefix}_UNSPECIFIED`) return "";
  return (value.startsWith(`${prefix}_`) ? value.slice(prefix.length + 1) : value).toLowerCase().replaceAll("_", " ");
}

/** Bits per second: "1.2 Mb/s", "48 kb/s", "0". */
export function rate(bits: number): string {
  if (bits >= 999_500) return `${(bits / 1e6).toFixed(bits >= 9_950_000 ? 0 : 1)} Mb/s`;
  if (bits >= 1000) return `${Math.round(bits / 1000)} kb/s`;
  return bits === 0 ? "0" : `${Math.round(bits)} b/s`;
}

/** The limits that hold for memory, in words. */
export function memoryLimits(p: ProcessStatus): string {
  const limit = num(p.memoryLimitBytes);
  const total = num(p.memoryTotalBytes);
  return [
    limit > 0
      ? `Memory: nobody else can join once calls need ${size(num(p.memoryMostNeededBytes))} of the ${size(limit)} that Umbrella may use${p.memoryLimitedBy ? `, by ${p.memoryLimitedBy}` : ""}.`
      : "Memory: Umbrella has no limit of its own.",
    total > 0 && `${size(num(p.memoryAvailableBytes))} of ${size(total)} are free.`,
  ]
    .filter(Boolean)
    .join(" ");
}

/** Bytes: "12.3 MiB". */
export function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let n = bytes;
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit > 0 && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[unit] ?? ""}`;
}

/** An amount of a limit: bytes, or a number of things. */
export function amount(value: Long | undefined, unit: string | undefined): string {
  return unit === "bytes" ? size(num(value)) : num(value).toLocaleString();
}

/** A span of milliseconds: "3 d 4 h", "5 min 6 s". */
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(s / 86400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([n], i) => i === 0 || n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

/** A share of 0 to 1: "1.5 %". */
export function percent(share: number): string {
  const p = share * 100;
  return `${p === 0 || p >= 9.95 ? Math.round(p) : p.toFixed(1)} %`;
}

/** Milliseconds: "0.4 ms", "12 ms"; nothing where it is not known. */
export function millis(ms: number): string {
  if (ms <= 0) return "–";
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** An encoding: "h, 640×360", as far as it is known. */
export function layerWords({ rid, width, height }: LayerStatus): string {
  return [rid, width && height ? `${width}×${height}` : ""].filter(Boolean).join(", ");
}

/** Who takes an encoding of a track: a number, or why it is not sent. */
export function takers(track: TrackStatus, layer: LayerStatus): string {
  const n = layer.subscribers ?? 0;
  return n === 0 && track.kind === "TRACK_KIND_VIDEO" && !track.muted ? "paused" : String(n);
}

/** What a subscription gets: "h, 640×360, T2", "paused"; with why that is. */
export function taken(s: SubscriptionStatus, track: TrackStatus | undefined): string {
  const layer = track?.layers?.find((l) => (l.rid ?? "") === (s.rid ?? ""));
  const parts = s.paused
    ? ["paused"]
    : [
        s.rid,
        s.rid && layer ? layerWords({ ...layer, rid: "" }) : "",
        s.spatialLayer ? `S${s.spatialLayer}` : "",
        s.spatialLayer || s.temporalLayer ? `T${s.temporalLayer ?? 0}` : "",
      ];
  return [...parts, s.limited && !s.paused ? "limited by bandwidth" : ""].filter(Boolean).join(", ") || "playing";
}

export interface Totals {
  participants: number;
  tracks: number;
  incoming: number;
  outgoing: number;
}

export function totals(status: Status): Totals {
  const t: Totals = { participants: 0, tracks: 0, incoming: 0, outgoing: 0 };
  for (const p of (status.rooms ?? []).flatMap((r) => r.participants ?? [])) {
    t.participants++;
    for (const track of p.tracks ?? []) {
      t.tracks++;
      for (const layer of track.layers ?? []) t.incoming += num(layer.bitsPerSecond);
    }
    for (const s of p.subscriptions ?? []) t.outgoing += num(s.bitsPerSecond);
  }
  return t;
}
