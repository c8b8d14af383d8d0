import assert from "node:assert/strict";
import { test } from "node:test";
import { blockedWords, endingWords } from "../ui/words";
import { waysOf } from "./diagnose";
import { socketTrouble } from "./nosocket";

test("why no WebSocket opens is said in the node's words", () => {
  const words = 'a page of another site may not do this: the page is from "https://meet.example.org"';
  assert.equal(socketTrouble(403, "text/plain; charset=utf-8", `${words}\n`), words);
  assert.match(socketTrouble(426, "text/plain", "WebSocket protocol violation"), /headers Upgrade and Connection/);
  assert.match(socketTrouble(502, "text/html", "<html>Bad Gateway</html>"), /proxy .* status 502/);
  assert.match(socketTrouble(403, "text/html", "<html>Forbidden</html>"), /proxy .* status 403/);
  const told = endingWords({ reason: "unreachable", detail: words }, true);
  assert.ok(told.text.startsWith("A page of another site"), told.text);
  assert.notEqual(told.title, endingWords({ reason: "unreachable", detail: "" }, true).title);
  assert.ok(!told.trust, "certificates have nothing to do with it");
});

test("what holds media back is said with the ports that are needed", () => {
  const sdp = [
    "v=0",
    "a=candidate:1 1 udp 2130706431 192.0.2.1 8082 typ host",
    "a=candidate:2 1 udp 2130706430 2001:db8::1 8082 typ host",
    "a=candidate:3 1 tcp 1671430143 192.0.2.1 8082 typ host tcptype passive",
    "",
  ].join("\r\n");
  const ways = waysOf(sdp, []);
  assert.deepEqual(ways, { ports: ["UDP port 8082", "TCP port 8082"], relayed: false });
  assert.match(blockedWords(ways), /UDP port 8082 or TCP port 8082.*TURN/);
  assert.match(blockedWords(waysOf(sdp, [{ urls: ["turns:a:443"] }])), /relay/);
  assert.ok(blockedWords(waysOf("", [])).length > 20);
});
