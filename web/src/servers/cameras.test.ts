import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraDraft, cameraBody, cameraProblems, cameraState, draftOfFound, profileWords, sorted, takenApart, type Camera, type Found } from "./cameras";

const camera = (patch: Partial<Camera>): Camera => ({
  name: "door",
  enabled: true,
  title: "Front door",
  url: "rtsp://192.0.2.7/one",
  substream: "",
  user: "eve",
  hasPassword: true,
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
  const options = {
    enabled: "1", name: "Front door", url: "rtsp://192.0.2.7/one", substream: "", transport: "tcp", room: "den", audio: "0", on_demand: "1",
  };
  const draft = cameraDraft(camera({}), []);
  assert.deepEqual(cameraBody(draft, false), { options, credentials: { user: "eve", password: null } });
  assert.deepEqual(cameraBody({ ...draft, password: " p " }, true), { name: "door", options, credentials: { user: "eve", password: " p " } });
  assert.deepEqual(cameraBody({ ...draft, user: "", forget: true }, false), { options, credentials: { user: "", password: "" } });
  assert.equal(cameraDraft(camera({ title: "door" }), []).title, "");
  assert.equal(cameraDraft(null, ["camera1"]).name, "camera2");
});

test("what is wrong with a camera is told all at once", () => {
  const empty = cameraDraft(null, []);
  assert.deepEqual(Object.keys(cameraProblems({ ...empty, name: " ", password: "x" }, false)), ["section", "url", "user"]);
  assert.deepEqual(cameraProblems({ ...empty, url: "RTSP://h/" }, false), {});
  const stored = { ...empty, url: "rtsp://h/", user: "" };
  assert.deepEqual(Object.keys(cameraProblems(stored, true)), ["user"]);
  assert.deepEqual(cameraProblems({ ...stored, forget: true }, true), {});
});

test("an address with a user and a password in it is taken apart", () => {
  const cases: [string, ReturnType<typeof takenApart>][] = [
    ["rtsp://eve:p%40ss%2F@192.0.2.7/one?a=b@c", { url: "rtsp://192.0.2.7/one?a=b@c", user: "eve", password: "p@ss/" }],
    ["RTSPS://eve@h", { url: "RTSPS://h", user: "eve", password: "" }],
    ["rtsp://eve:p@ss@h:554/", { url: "rtsp://h:554/", user: "eve", password: "p@ss" }],
    ["rtsp://eve:50%@h/", { url: "rtsp://h/", user: "eve", password: "50%" }],
    ["rtsp://h/one@two", null],
    ["rtsp://…@h/one", null],
    ["http://eve:x@h/", null],
  ];
  for (const [typed, want] of cases) assert.deepEqual(takenApart(typed), want, typed);
});

test("the small picture keeps a user and a password of its own", () => {
  const draft = { ...cameraDraft(null, []), url: "rtsp://eve:x@h/1", substream: "rtsp://eve:x@h/2" };
  const { url, user, password, substream } = sorted(draft);
  assert.deepEqual([url, user, password, substream], ["rtsp://h/1", "eve", "x", "rtsp://h/2"]);
  assert.equal(sorted({ ...draft, substream: "rtsp://ann:y@h/2" }).substream, "rtsp://ann:y@h/2");
});

test("of a camera that was found the small stream is taken, too", () => {
  const main = { name: "1", url: "rtsp://h/1", codec: "H264", width: 1920, height: 1080, role: "main" };
  const sub = { name: "2", url: "rtsp://h/2", codec: "H264", width: 640, height: 360, role: "sub" };
  const found: Found = { address: "h", name: "", manufacturer: "", model: "X1", problem: "", profiles: [main, sub] };
  assert.deepEqual(draftOfFound(found, main, "u", "p"), { title: "X1", url: "rtsp://h/1", user: "u", password: "p", substream: "rtsp://h/2" });
  assert.equal(draftOfFound(found, sub, "", "").substream, "");
  assert.equal(profileWords(main), "H264 1920×1080");
  assert.equal(profileWords({ ...main, codec: "", width: 0 }), "1");
});
