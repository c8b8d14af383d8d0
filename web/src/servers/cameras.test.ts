import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraDraft, cameraOptions, cameraProblems, cameraState, draftOfFound, profileWords, withUser, type Camera, type Found } from "./cameras";

const camera = (patch: Partial<Camera>): Camera => ({
  name: "door",
  enabled: true,
  title: "Front door",
  url: "rtsp://…@192.0.2.7/one",
  substream: "",
  transport: "tcp",
  room: "den",
  audio: false,
  onDemand: true,
  variables: [],
  status: { phase: "CAMERA_PHASE_LIVE" },
  ...patch,
});

test("what a camera is doing", () => {
  const trouble = { reason: "the camera does not answer", advice: "check that it is on" };
  const cases: [Partial<Camera>, string, string[]][] = [
    [{}, "Live", []],
    [{ enabled: false, status: null }, "Turned off", []],
    [{ status: { phase: "CAMERA_PHASE_IDLE" } }, "Not watched", []],
    [{ status: {} }, "Connecting", []],
    [
      { status: { phase: "CAMERA_PHASE_DOWN", trouble, retryAtMs: "12001" } },
      "Down",
      ["The camera does not answer: check that it is on.", "Tried again in 3 s."],
    ],
    [
      { status: { phase: "CAMERA_PHASE_LIVE", streams: [{ notes: [{ reason: "it sends B-frames" }] }, { notes: [{ reason: "it sends B-frames" }] }] } },
      "Live",
      ["It sends B-frames."],
    ],
  ];
  for (const [patch, words, detail] of cases) {
    const state = cameraState(camera(patch), 10_000);
    assert.deepEqual([state.words, state.detail], [words, detail]);
  }
});

test("what is sent to the node", () => {
  assert.deepEqual(cameraOptions(cameraDraft(camera({}), [])), {
    enabled: "1", name: "Front door", url: "rtsp://…@192.0.2.7/one", substream: "", transport: "tcp", room: "den", audio: "0", on_demand: "1",
  });
  assert.equal(cameraDraft(camera({ title: "door" }), []).title, "");
  assert.equal(cameraDraft(null, ["camera1"]).name, "camera2");
  assert.deepEqual(Object.keys(cameraProblems(cameraDraft(null, []))), ["url"]);
  assert.deepEqual(cameraProblems({ ...cameraDraft(null, []), url: "RTSP://h/" }), {});
});

test("a user and a password go into an address, escaped", () => {
  assert.equal(withUser("rtsp://192.0.2.7/one?a=b@c", "eve", "p@ss/"), "rtsp://eve:p%40ss%2F@192.0.2.7/one?a=b@c");
  assert.equal(withUser("rtsp://old@192.0.2.7/", "eve", ""), "rtsp://eve@192.0.2.7/");
  assert.equal(withUser("rtsp://192.0.2.7/", "", "x"), "rtsp://192.0.2.7/");
});

test("of a camera that was found the small stream is taken, too", () => {
  const main = { name: "1", url: "rtsp://h/1", codec: "H264", width: 1920, height: 1080, role: "main" };
  const sub = { name: "2", url: "rtsp://h/2", codec: "H264", width: 640, height: 360, role: "sub" };
  const found: Found = { address: "h", name: "", manufacturer: "", model: "X1", problem: "", profiles: [main, sub] };
  assert.deepEqual(draftOfFound(found, main, "u", "p"), { title: "X1", url: "rtsp://u:p@h/1", substream: "rtsp://u:p@h/2" });
  assert.equal(draftOfFound(found, sub, "", "").substream, "");
  assert.equal(profileWords(main), "H264 1920×1080");
  assert.equal(profileWords({ ...main, codec: "", width: 0 }), "1");
});
