import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomeOf } from "./api";
import { dialAddress, draftOf, flow, freeName, makeSecret, optionsOf, problemsOf, roomsIn, stateOf, type Trunk } from "./model";

const trunk = (patch: Partial<Trunk>): Trunk => ({
  name: "hub",
  enabled: true,
  url: "wss://hub/wsb",
  hasSecret: true,
  fingerprint: "",
  ca: "",
  rooms: [],
  variables: [],
  status: {},
  ...patch,
});

test("what a trunk is doing", () => {
  const cases: [Partial<Trunk>, string, string][] = [
    [{}, "Connecting", ""],
    [{ status: null }, "Connecting", ""],
    [{ url: "" }, "Waiting", "The other node has not dialled yet."],
    [{ enabled: false, status: null }, "Turned off", ""],
    [{ status: { links: [{}], problem: "was down" } }, "Connected", ""],
    [{ status: { problem: "hub does not answer", retryAtMs: "12001" } }, "Down", "Hub does not answer. Tried again in 3 s."],
    [{ status: { problem: "no", retryAtMs: "9000" } }, "Down", "No. Trying again…"],
  ];
  for (const [patch, words, detail] of cases) {
    const state = stateOf(trunk(patch), 10_000);
    assert.deepEqual([state.words, state.detail], [words, detail]);
  }
});

test("what crosses", () => {
  assert.equal(flow(0, "1200"), "nothing");
  assert.equal(flow(undefined, undefined), "nothing");
  assert.equal(flow(1, "48400"), "1 stream, 48 kb/s");
  assert.equal(flow(3, 0), "3 streams, 0");
});

test("a new trunk has a name that is free", () => {
  assert.equal(freeName([]), "trunk");
  assert.equal(freeName(["trunk", "trunk3"]), "trunk2");
  assert.deepEqual(draftOf(null, ["trunk"]).name, "trunk2");
});

test("what is sent to the node", () => {
  const before = draftOf(trunk({ fingerprint: "ab", rooms: ["den", "attic"] }), []);
  assert.equal(before.secret, "");
  assert.deepEqual(optionsOf(before), { enabled: "1", url: "wss://hub/wsb", fingerprint: "ab", ca: "", room: ["den", "attic"] });
  // Who is dialled has no use for what is about dialling.
  assert.deepEqual(optionsOf({ ...before, dials: false, secret: " s ", rooms: "" }), {
    enabled: "1",
    url: "",
    secret: "s",
    fingerprint: "",
    ca: "",
    room: [],
  });
  assert.equal(optionsOf({ ...before, enabled: false }).enabled, "0");
  assert.deepEqual(roomsIn(" den, attic;den\tloft "), ["den", "attic", "loft"]);
});

test("what is missing is told before the node is asked", () => {
  const empty = { ...draftOf(null, []), name: " " };
  assert.deepEqual(Object.keys(problemsOf(empty, false)), ["name", "url", "secret"]);
  assert.deepEqual(problemsOf({ ...empty, name: "a", dials: false }, true), {});
});

test("a secret is long, and needs no quotes", () => {
  const secrets = new Set(Array.from({ length: 50 }, () => makeSecret()));
  assert.equal(secrets.size, 50);
  for (const s of secrets) assert.match(s, /^[\w-]{32}$/);
  assert.equal(makeSecret((b) => b.fill(255)), "_".repeat(32));
  assert.equal(makeSecret((b) => b.fill(0xfb)), "-_v7".repeat(8));
});

test("by which address a node is dialled", () => {
  assert.equal(dialAddress("https://127.0.0.1:8081/umbrella/"), "wss://ADDRESS:8081/umbrella/wsb");
  assert.equal(dialAddress("http://localhost/"), "ws://ADDRESS/wsb");
  assert.equal(dialAddress("https://192.168.1.1:8081/"), "wss://192.168.1.1:8081/wsb");
});

test("how a change went", () => {
  assert.deepEqual(outcomeOf(true, 201, '{"name":"hub"}'), { ok: true, problem: "" });
  assert.deepEqual(outcomeOf(true, 200, '{"name":"hub","problem":"the port is taken"}'), { ok: true, problem: "The port is taken." });
  assert.deepEqual(outcomeOf(false, 422, '{"error":"not saved","problems":[{"option":"url","text":"is missing"},{"option":"url","text":"x"}]}'), {
    ok: false,
    error: "Not saved.",
    problems: { url: "Is missing." },
  });
  assert.deepEqual(outcomeOf(false, 403, "a page of another site may not do this\n"), {
    ok: false,
    error: "A page of another site may not do this.",
    problems: {},
  });
  assert.deepEqual(outcomeOf(false, 502, ""), { ok: false, error: "The node answers with an error (502).", problems: {} });
});
