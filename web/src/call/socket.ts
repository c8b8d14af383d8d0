import type { Clock } from "./clock";
import { Heartbeat, heartbeatTick } from "./heartbeat";
import { decode, encode, type ClientBody, type ServerBody } from "./messages";

export const subprotocol = "umbrella.signal.v1";

/** What a connection tells its owner. Nothing comes after closed. */
export interface ConnectionHandlers {
  opened(): void;
  message(body: ServerBody): void;
  closed(): void;
}

/** One signalling connection: it opens, lives and closes once. */
export interface Connection {
  /** Sends, or drops what cannot be sent. */
  send(body: ClientBody): void;
  /** Asks for proof of life at once. */
  probe(): void;
  /** Ends it; closed is not called. */
  close(): void;
}

export type Connect = (handlers: ConnectionHandlers) => Connection;

/** Opens a WebSocket that pings, and that closes itself when nothing answers. */
export function connectSocket(url: string, clock: Clock): Connect {
  return (handlers) => {
    let over = false;
    let heart: Heartbeat | null = null;
    let cancelTick = () => {};
    let pings = 0n;
    const ws = new WebSocket(url, [subprotocol]);
    ws.binaryType = "arraybuffer";

    const finish = () => {
      if (over) return false;
      over = true;
      cancelTick();
      ws.close();
      return true;
    };
    const lost = () => {
      if (finish()) handlers.closed();
    };
    const send = (body: ClientBody) => {
      if (ws.readyState === WebSocket.OPEN) ws.send(encode(body));
    };
    const ping = () => send({ case: "ping", value: { number: ++pings } });
    const tick = () => {
      const what = heart?.tick(clock.now());
      if (what === "dead") {
        lost();
        return;
      }
      if (what === "ping") ping();
      cancelTick = clock.after(heartbeatTick, tick);
    };

    ws.onopen = () => {
      if (over) return;
      heart = new Heartbeat(clock.now());
      cancelTick = clock.after(heartbeatTick, tick);
      handlers.opened();
    };
    ws.onmessage = (event) => {
      if (over) return;
      heart?.received(clock.now());
      let body: ServerBody | null = null;
      try {
        body = decode(event.data as ArrayBuffer);
      } catch {
        // Not a message of ours; the next one may be.
      }
      if (body) handlers.message(body);
    };
    ws.onclose = lost;
    ws.onerror = lost;

    return {
      send,
      probe: () => {
        heart?.probe(clock.now());
        ping();
      },
      close: () => {
        finish();
      },
    };
  };
}
