// Somebody who means no good: raw sockets, with nothing that keeps to the
// rules on their behalf.
import { randomBytes, randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect as connectTCP } from "node:net";
import { connect as connectTLS } from "node:tls";
import { sleep } from "./wait.mjs";

/** Opens TCP or TLS to a port, and swallows whatever becomes of it. */
function open(connect, port) {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

/** A byte string as a field of a protobuf message. */
export function field(number, ...parts) {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length = [];
  for (let n = body.length; ; n = Math.floor(n / 128)) {
    length.push((n % 128) + (n >= 128 ? 128 : 0));
    if (n < 128) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), body]);
}

/** ClientMessage{join: {room, name}} of signal.proto. */
export function joinMessage(room, name) {
  return field(1, field(1, room), field(2, name));
}

/** ClientMessage{publish_offer: {id: 1, sdp}}. */
export function offerMessage(sdp) {
  return field(4, Buffer.from([0x08, 1]), field(2, sdp));
}

/** A binary frame of a WebSocket client (RFC 6455 §5.2). */
export function frame(payload) {
  const { length } = payload;
  const header =
    length < 126 ? Buffer.from([0x82, 0x80 | length]) : length < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
  if (length >= 126) {
    header[0] = 0x82;
    header[1] = 0x80 | (length < 65536 ? 126 : 127);
    if (length < 65536) header.writeUInt16BE(length, 2);
    else header.writeBigUInt64BE(BigInt(length), 2);
  }
  // A mask of zeros is as good as any.
  return Buffer.concat([header, Buffer.alloc(4), payload]);
}

/**
 * A WebSocket to the daemon. What comes of it may be cut at any time.
 *
 * @returns {Promise<import("node:tls").TLSSocket & { heard: () => number, gone: Promise<void> }>}
 */
export async function webSocket(daemon) {
  const socket = open(connectTLS, daemon.port);
  let received = Buffer.alloc(0);
  let total = 0;
  socket.on("data", (chunk) => {
    total += chunk.length;
    if (received.length < 4096) received = Buffer.concat([received, chunk]);
  });
  socket.heard = () => total;
  socket.gone = new Promise((resolve) => socket.once("close", resolve));
  socket.write(
    "GET /wsb HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n` +
      "Sec-WebSocket-Protocol: umbrella.signal.v1\r\n\r\n",
  );
  while (!received.includes("\r\n\r\n")) {
    if (socket.destroyed) throw new Error(`the WebSocket is refused: ${received}`);
    await sleep(5);
  }
  if (!received.toString("latin1").startsWith("HTTP/1.1 101 ")) throw new Error(`no WebSocket: ${received}`);
  return socket;
}

/** First bytes by which a media port tells what comes (RFC 7983 §7). */
const kinds = [0, 3, 16, 19, 20, 22, 63, 64, 79, 127, 128, 129, 191, 192, 255];

/** Garbage of every kind to the media port, by UDP. */
export async function floodUDP(daemon, count) {
  const sockets = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const socket = createSocket("udp4");
      socket.on("error", () => {});
      await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
      return socket;
    }),
  );
  for (let sent = 0; sent < count; sent++) {
    const packet = randomBytes(randomInt(1, 1400));
    packet[0] = kinds[sent % kinds.length];
    if (sent % 3 === 0 && packet.length >= 20) {
      // Nearly STUN: the type and the cookie are right, nothing else is.
      packet.writeUInt16BE(1, 0);
      packet.writeUInt32BE(0x2112a442, 4);
    }
    sockets[sent % sockets.length].send(packet, daemon.mediaPort, "127.0.0.1");
    if (sent % 50 === 49) await sleep(10);
  }
  for (const socket of sockets) socket.close();
}

/**
 * Random binary messages, some after a proper Join, so that they reach what
 * stands behind it. A socket that is cut is followed by the next one.
 */
export async function babble(daemon, count, sockets) {
  let left = count;
  let number = 0;
  async function one() {
    while (left > 0) {
      const joined = number++ % 2 === 0;
      const socket = await webSocket(daemon);
      if (joined) socket.write(frame(joinMessage("pit", `Babbler ${number}`)));
      for (let i = 0; i < 50 && left > 0 && !socket.destroyed; i++) {
        left--;
        const noise = randomBytes(randomInt(0, 600));
        // Every other one begins as a field that there is.
        socket.write(frame(i % 2 ? noise : field(randomInt(1, 11), noise)));
        if (i % 10 === 9) await sleep(5);
      }
      await Promise.race([socket.gone, sleep(200)]);
      socket.destroy();
    }
  }
  await Promise.all(Array.from({ length: sockets }, one));
}

/** An SDP of some length: `lines` of one kind, up to `bytes`. */
export function hugeSDP(bytes, line) {
  const head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
  return head + line.repeat(Math.floor((bytes - head.length) / line.length));
}
