import assert from "node:assert/strict";
import { test } from "node:test";
import type { MediaProblem } from "../call/capture";
import type { EndReason } from "../call/session";
import { sentence } from "./sentence";
import { endingWords, linksIn, lockElsewhere, mediaWords, secondsUntil, together } from "./words";

test("everything that goes wrong is said in words of its own", () => {
  const reasons: EndReason[] = [
    "left", "unreachable", "gave-up", "room-full", "wrong-password", "forbidden", "bad-name", "unavailable",
    "refused", "removed", "replaced", "room-closed", "needs-invitation", "bad-invitation", "try-later", "locked", "not-loaded",
  ];
  const titles = reasons.map((reason) => endingWords({ reason, detail: "" }, true).title);
  assert.equal(new Set(titles).size, reasons.length);
  const problems: MediaProblem[] = ["permission", "dismissed", "system", "policy", "none", "busy", "insecure", "unsupported", "lost", "failed"];
  const texts = problems.flatMap((p) => [mediaWords("camera", p).text, mediaWords("microphone", p).text]);
  for (const text of [...titles, ...texts]) assert.ok(text.length > 5);
});

test("each browser is told where it keeps its permissions", () => {
  const texts = (["chromium", "android", "firefox", "safari", "ios", "other"] as const).map((b) => mediaWords("camera", "permission", b).text);
  assert.equal(new Set(texts).size, texts.length);
  for (const text of texts) assert.match(text, /camera/);
});

test("a lock says where it does not hold", () => {
  assert.equal(lockElsewhere([{ nodeName: "" }]), "");
  assert.match(lockElsewhere([{ nodeName: "attic" }, { nodeName: "" }, { nodeName: "attic" }, { nodeName: "cloud" }]), / at attic, cloud still sees/);
});

test("only a secure page is sent to the page on certificates", () => {
  assert.equal(endingWords({ reason: "unreachable", detail: "" }, true).trust, true);
  assert.equal(endingWords({ reason: "unreachable", detail: "" }, false).trust, false);
});

test("the node's words become sentences", () => {
  assert.equal(sentence(" the room is full "), "The room is full.");
  assert.equal(sentence("Why?"), "Why?");
  assert.equal(endingWords({ reason: "forbidden", detail: "only from the LAN" }, true).text, "Only from the LAN.");
});

test("lists of names", () => {
  assert.equal(together(["Ada"], "joined"), "Ada joined");
  assert.equal(together(["Ada", "Bob"], "left"), "Ada and Bob left");
  assert.equal(together(["Ada", "Bob", "Cy", "Di"], "joined"), "Ada and 3 others joined");
});

test("a name that is written from right to left does not turn a sentence around", () => {
  assert.equal(together(["דנה", "Bob"], "joined"), "\u2068דנה\u2069 and Bob joined");
  assert.equal(together(["سارة"], "left"), "\u2068سارة\u2069 left");
});

test("countdowns", () => {
  assert.equal(secondsUntil(5_000, 500), "5 seconds");
  assert.equal(secondsUntil(5_000, 4_000), "1 second");
  assert.equal(secondsUntil(5_000, 9_000), "0 seconds");
});

test("links in a chat", () => {
  const cases: [text: string, links: string[]][] = [
    ["no link", []],
    ["see https://example.org/a?b=c#d.", ["https://example.org/a?b=c#d"]],
    ["(http://10.0.0.1:8081/sfu/x), or https://b.example!", ["http://10.0.0.1:8081/sfu/x", "https://b.example"]],
    ["javascript:alert(1) data:text/html,x", []],
    ["https://", []],
  ];
  for (const [text, links] of cases) {
    const parts = linksIn(text);
    assert.equal(parts.map((p) => p.text).join(""), text);
    assert.deepEqual(parts.filter((p) => p.href).map((p) => p.href), links);
  }
});
