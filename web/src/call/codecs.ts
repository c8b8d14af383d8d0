import type { VideoCodec } from "./encodings";

/** MIME types that this browser can play, such as "video/VP8". */
export function receivableCodecs(): string[] {
  const types = new Set<string>();
  for (const kind of ["audio", "video"]) {
    // Old browsers cannot tell; every one of them plays these.
    const codecs = "getCapabilities" in RTCRtpReceiver ? RTCRtpReceiver.getCapabilities(kind)?.codecs : undefined;
    for (const { mimeType } of codecs ?? [{ mimeType: kind === "audio" ? "audio/opus" : "video/VP8" }]) {
      // What repairs and marks streams is no codec of its own.
      if (!/\/(rtx|red|ulpfec|flexfec-03|CN|telephone-event)$/i.test(mimeType)) types.add(mimeType);
    }
  }
  return [...types];
}

/** The same codecs, those of that name ("VP8") before all others. */
export function withFirst<C extends { mimeType: string }>(codecs: readonly C[], name: string): C[] {
  const is = ({ mimeType }: C) => mimeType.toLowerCase() === `video/${name}`.toLowerCase();
  return [...codecs.filter(is), ...codecs.filter((c) => !is(c))];
}

const choices: readonly VideoCodec[] = ["VP8", "VP9", "AV1", "H264"];

/** The codecs that a user may choose for what this browser sends. */
export function sendableCodecs(): VideoCodec[] {
  if (!("RTCRtpTransceiver" in globalThis && "setCodecPreferences" in RTCRtpTransceiver.prototype)) return [];
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  return choices.filter((name) => codecs.some((c) => c.mimeType.toLowerCase() === `video/${name}`.toLowerCase()));
}

/**
 * The mids of the m-lines that the answer turns down. A browser does so when it
 * plays the codec, but not in the profile that is offered.
 */
export function refusedLines(offer: string, answer: string): Set<string> {
  const sections = (sdp: string) => sdp.split(/^m=/m).slice(1);
  const answers = sections(answer);
  const refused = new Set<string>();
  sections(offer).forEach((section, i) => {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
    const own = answers[i];
    if (mid === undefined || own === undefined) return;
    if (/^\w+ 0 /.test(own) && !/^a=bundle-only/m.test(own)) refused.add(mid);
    else if (/^a=inactive/m.test(own) && !/^a=inactive/m.test(section)) refused.add(mid);
  });
  return refused;
}

const names: Record<string, string> = {
  h264: "H.264",
  h265: "H.265",
  av1: "AV1",
  opus: "Opus",
  pcma: "G.711",
  pcmu: "G.711",
  "mpeg4-generic": "AAC",
};

/** "video/H264" as people call it: "H.264". */
export function codecName(mimeType: string): string {
  const name = mimeType.slice(mimeType.indexOf("/") + 1);
  return names[name.toLowerCase()] ?? name.toUpperCase();
}

/** Can this browser, which can play those types, play a track in this one? */
export function canPlay(mimeType: string, receivable: readonly string[]): boolean {
  return mimeType === "" || receivable.some((type) => type.toLowerCase() === mimeType.toLowerCase());
}
