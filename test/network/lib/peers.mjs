// People without a browser: the program in ../peers, in the far namespace.
import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { until } from "../../browser/lib/wait.mjs";

const run = promisify(execFile);
const { NET_DIR, NET_PEERS, NET_PREFIX } = process.env;

/** Two seconds of a moving picture in three sizes, and a tone. */
async function record() {
  const sizes = { q: ["320x180", "150k"], h: ["640x360", "500k"], f: ["1280x720", "1500k"] };
  for (const [rid, [size, rate]] of Object.entries(sizes)) {
    await ffmpeg(`-f lavfi -i testsrc2=size=${size}:rate=30:duration=2 -c:v libvpx -b:v ${rate} -maxrate ${rate} -bufsize ${rate} -deadline realtime -cpu-used 8 -g 60 -auto-alt-ref 0 -error-resilient 1 ${NET_DIR}/${rid}.ivf`);
  }
  await ffmpeg(`-f lavfi -i sine=frequency=440:sample_rate=48000:duration=2 -c:a libopus -b:a 32k -page_duration 20000 ${NET_DIR}/sound.ogg`);
}

async function ffmpeg(args) {
  await run("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", ...args.split(" ")]);
}

export class Peers {
  /** What they wrote, the last line last. */
  lines = [];
  errors = "";

  /** @param {import("./ap.mjs").AccessPoint} ap */
  static async start(ap, count) {
    await record();
    const peers = new Peers();
    const command = [NET_PEERS, "-url", `wss://10.77.0.1:${ap.port}/wsb`, "-count", String(count), "-ca", ap.caFile, "-clips", NET_DIR];
    peers.process = spawn("nsenter", [`--net=/run/netns/${NET_PREFIX}-far`, ...command]);
    peers.ended = new Promise((resolve) => {
      peers.process.on("exit", (code, signal) => resolve(signal ?? code));
      peers.process.on("error", (error) => resolve(error.message));
    });
    void peers.ended.then((how) => (peers.end = how));
    peers.process.stderr.setEncoding("utf8").on("data", (text) => (peers.errors += text));
    createInterface(peers.process.stdout).on("line", (line) => peers.lines.push(JSON.parse(line)));
    await peers.until("the peers are there", 20_000, () => peers.lines.length > 0);
    return peers;
  }

  /** Waits until the last line is as wanted. */
  async until(what, limit, wanted) {
    let ended = false;
    await until(what, limit, 100, () => {
      ended = this.end !== undefined;
      return ended || wanted(this.lines.at(-1));
    }).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.lines.at(-1))}`, { cause: error });
    });
    if (ended) throw new Error(`the peers ended (${this.end}): ${this.errors}`);
  }

  async close() {
    this.process.stdin.end();
    const how = await this.ended;
    if (how !== 0) throw new Error(`the peers ended with ${how}: ${this.errors}`);
  }
}
