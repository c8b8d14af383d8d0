// A TCP relay in front of the daemon, to cut what goes through it.
import { connect, createServer } from "node:net";

export class Relay {
  #sockets = new Set();
  #refusing = false;

  static async start(target) {
    const relay = new Relay();
    relay.server = createServer((near) => {
      if (relay.#refusing) {
        near.destroy();
        return;
      }
      const far = connect(target, "127.0.0.1");
      for (const [a, b] of [
        [near, far],
        [far, near],
      ]) {
        relay.#sockets.add(a);
        a.on("close", () => {
          relay.#sockets.delete(a);
          b.destroy();
        });
        a.on("error", () => b.destroy());
        a.pipe(b);
      }
    });
    await new Promise((resolve) => relay.server.listen(0, "127.0.0.1", resolve));
    relay.port = relay.server.address().port;
    return relay;
  }

  /** Ends all that goes through it just now. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Whether it takes new connections. */
  refuse(on) {
    this.#refusing = on;
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
