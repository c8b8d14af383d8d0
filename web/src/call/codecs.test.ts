import assert from "node:assert/strict";
import { test } from "node:test";
import { canPlay, codecName, refusedLines, sendableCodecs, withFirst } from "./codecs";

test("codecs are called what people call them", () => {
  const cases: [mimeType: string, name: string][] = [
    ["video/H264", "H.264"],
    ["video/h265", "H.265"],
    ["video/VP8", "VP8"],
    ["video/AV1", "AV1"],
    ["audio/opus", "Opus"],
    ["audio/PCMU", "G.711"],
    ["video/x-new", "X-NEW"],
  ];
  for (const [mimeType, name] of cases) assert.equal(codecName(mimeType), name);
});

test("what can be played", () => {
  const receivable = ["video/VP8", "audio/opus"];
  assert.equal(canPlay("video/vp8", receivable), true);
  assert.equal(canPlay("video/H264", receivable), false);
  assert.equal(canPlay("", receivable), true, "a node that does not say is believed");
});

test("the chosen codec comes first, and the others stay in their order", () => {
  const list = ["video/VP8", "video/rtx", "video/H264", "video/AV1", "video/h264", "video/red"].map((mimeType) => ({ mimeType }));
  const order = (name: string) => withFirst(list, name).map((c) => c.mimeType.slice(6)).join(" ");
  assert.equal(order("H264"), "H264 h264 VP8 rtx AV1 red");
  assert.equal(order("VP8"), "VP8 rtx H264 AV1 h264 red");
  assert.equal(order("VP9"), "VP8 rtx H264 AV1 h264 red");
});

test("where no codec can be preferred there is nothing to choose", () => {
  assert.deepEqual(sendableCodecs(), []);
});

test("which m-lines an answer turns down", () => {
  const line = (first: string, ...rest: string[]) => [`m=${first}`, "c=IN IP4 0.0.0.0", ...rest].join("\r\n") + "\r\n";
  const offer =
    "v=0\r\n" +
    line("audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=sendonly") +
    line("video 9 UDP/TLS/RTP/SAVPF 104", "a=sendonly", "a=mid:one") +
    line("video 9 UDP/TLS/RTP/SAVPF 104", "a=mid:2", "a=sendonly") +
    line("video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:3", "a=inactive") +
    line("video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:4", "a=bundle-only", "a=sendonly") +
    line("application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:5");
  const answer =
    "v=0\r\n" +
    line("audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=recvonly") +
    line("video 0 UDP/TLS/RTP/SAVPF 104", "a=mid:one", "a=inactive") +
    line("video 9 UDP/TLS/RTP/SAVPF 104", "a=mid:2", "a=inactive") +
    line("video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:3", "a=inactive") +
    line("video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:4", "a=recvonly");
  assert.deepEqual([...refusedLines(offer, answer)], ["one", "2"]);
  assert.deepEqual([...refusedLines(offer, "")], []);
});
