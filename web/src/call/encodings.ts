/** A codec to send pictures in; empty for the client's choice. */
export type VideoCodec = "" | "VP8" | "VP9" | "AV1" | "H264";

export interface Size {
  width: number;
  height: number;
}

type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

// Below this many pixels there are fewer encodings: 960×540 and 480×270. More
// would be too small to be of use, and Chromium makes no more.
const leastPixels = [129_600, 518_400];

// What part of the bit rate a picture of half and of a quarter the size takes.
const cameraShares = [1, 1 / 3, 1 / 10];
const screenShares = [1, 1 / 6];

/**
 * What to ask of a browser for one source, the best first; what it does not
 * know it refuses as a whole. Each lists the encodings from the smallest
 * picture to the full one: Chromium serves the first ones first.
 */
export function encodingPlans(screen: boolean, codec: VideoCodec): Encoding[][] {
  const layered = codec === "VP9" || codec === "AV1";
  const rids = layered ? [undefined] : screen ? ["h", "f"] : ["q", "h", "f"];
  const modes =
    codec === "H264"
      ? [undefined]
      : // Chromium changes to VP8 for a screen in VP9 with spatial layers.
        [...(layered && !screen ? ["L3T3_KEY"] : []), "L1T3", "L1T2", undefined];
  const plans = modes.map((scalabilityMode) =>
    rids.map((rid) => ({ ...(rid && { rid }), ...(scalabilityMode && { scalabilityMode }) })),
  );
  return [...plans, [{}]];
}

/** How many of so many encodings a picture of that size fills, 1 at least. */
export function filled(encodings: number, size: Size | null): number {
  const pixels = size ? size.width * size.height : Infinity;
  return Math.min(encodings, 1 + leastPixels.filter((least) => pixels >= least).length);
}

export interface Fit {
  screen: boolean;
  /** Of the picture; null while there is none. */
  size: Size | null;
  /** Bits per second of the full picture. */
  limit: number;
  /** RIDs of what anybody takes; null for everything. */
  demand: readonly string[] | null;
}

/**
 * Sets what each encoding is to be, from the smallest to the full picture.
 * Those that the picture is too small for are the last ones, whatever their
 * names; who wants them alone gets the full picture. Returns whether anything
 * is other than it was.
 */
export function fitEncodings(encodings: RTCRtpEncodingParameters[], { screen, size, limit, demand }: Fit): boolean {
  const n = filled(encodings.length, size);
  const shares = screen ? screenShares : cameraShares;
  const demanded = (list: RTCRtpEncodingParameters[]) => list.some((e) => demand?.includes(e.rid ?? ""));
  const beyond = demanded(encodings) && !demanded(encodings.slice(0, n));
  let changed = false;
  encodings.forEach((e, i) => {
    const halvings = Math.max(0, n - 1 - i);
    const wanted =
      encodings.length === 1
        ? demand?.length !== 0
        : !demand || demand.includes(e.rid ?? "") || (beyond && i === n - 1);
    const is = {
      active: i < n && wanted,
      scaleResolutionDownBy: 2 ** halvings,
      maxBitrate: Math.round(limit * (shares[halvings] ?? 1)),
    };
    changed ||= (e.active ?? true) !== is.active || (e.scaleResolutionDownBy ?? 1) !== is.scaleResolutionDownBy || e.maxBitrate !== is.maxBitrate;
    Object.assign(e, is);
  });
  return changed;
}
