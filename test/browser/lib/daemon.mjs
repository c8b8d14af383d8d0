// The daemon under test: bin/umbrellad as `make build` leaves it, on ports and
// with a state directory of its own.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./wait.mjs";

export const binary = process.env.UMBRELLAD ?? fileURLToPath(new URL("../../../bin/umbrellad", import.meta.url));

export class Daemon {
  /** Whole log of all runs so far. */
  log = "";
  /** Milliseconds from starting the last run to its listening. */
  startedIn = 0;
  #process = null;
  #exit = null;

  /**
   * @param {object} [options]
   * @param {string} [options.uci] text of the UCI file `umbrella`
   * @param {Record<string, string>} [options.env] more UMBRELLA_* variables
   * @param {string} [options.address] that it listens on; empty for all
   */
  constructor({ uci = "", env = {}, address = "127.0.0.1" } = {}) {
    this.uci = uci;
    this.address = address;
    this.more = env;
  }

  static async start(options) {
    const daemon = new Daemon(options);
    await access(binary).catch(() => {
      throw new Error(`there is no ${binary}: run make build first`);
    });
    daemon.dir = await mkdtemp(path.join(tmpdir(), "umbrella-daemon-"));
    await mkdir(path.join(daemon.dir, "config"));
    await mkdir(path.join(daemon.dir, "state"), { mode: 0o700 });
    await writeFile(path.join(daemon.dir, "config/umbrella"), daemon.uci);
    [daemon.port, daemon.mediaPort] = await freePorts(2);
    await daemon.run();
    return daemon;
  }

  /** Starts the process and waits until it serves. */
  async run() {
    const began = performance.now();
    const child = spawn(binary, ["-config", path.join(this.dir, "config")], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        HOME: this.dir,
        UMBRELLA_LISTEN: `${this.address}:${this.port}`,
        UMBRELLA_MEDIA_PORT: String(this.mediaPort),
        UMBRELLA_STATE_DIR: path.join(this.dir, "state"),
        ...this.more,
      },
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.log += text));
    }
    this.#exit = new Promise((resolve) => {
      child.on("exit", (code, signal) => resolve(signal ?? code));
      child.on("error", (error) => resolve(error.message));
    });
    let gone = null;
    void this.#exit.then((how) => (gone = how));
    await until("the daemon serves", 20_000, 20, async () => {
      if (gone !== null) throw new Error(`the daemon ended (${gone}):\n${this.log}`);
      return this.get("/healthz").then(
        (answer) => answer.status === 200,
        () => false,
      );
    });
    this.startedIn = performance.now() - began;
  }

  /** Asks it to stop and returns how it ended: 0 when all went well. */
  async stop(signal = "SIGTERM") {
    if (!this.#process) return null;
    const child = this.#process;
    this.#process = null;
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    child.kill(signal);
    const how = await this.#exit;
    clearTimeout(timer);
    return how;
  }

  /** Sends a signal and goes on. */
  signal(name) {
    this.#process.kill(name);
  }

  /** Stops it and removes what it wrote. */
  async close() {
    const how = await this.stop();
    await rm(this.dir, { recursive: true, force: true });
    return how;
  }

  get secure() {
    return this.more.UMBRELLA_TLS !== "off";
  }

  url(at = "/") {
    return `${this.secure ? "https" : "http"}://127.0.0.1:${this.port}${this.more.UMBRELLA_PREFIX ?? ""}${at}`;
  }

  /** Certificate of the daemon's CA; undefined without TLS. */
  get caFile() {
    return this.secure ? path.join(this.dir, "state/ca.crt") : undefined;
  }

  /** One request, with the daemon's CA trusted. */
  async get(at, headers = {}) {
    const ca = this.secure ? await readFile(this.caFile) : undefined;
    return new Promise((resolve, reject) => {
      const request = (this.secure ? https : http).get(this.url(at), { ca, headers, agent: false, timeout: 5_000 }, (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) });
        });
      });
      request.on("timeout", () => request.destroy(new Error("no answer within 5 s")));
      request.on("error", reject);
    });
  }

  /** The live state, as /status gives it. */
  async status() {
    const answer = await this.get("/status", { accept: "application/json" });
    if (answer.status !== 200) throw new Error(`/status: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body.toString());
  }

  /** Resident memory in bytes. */
  async memory() {
    const text = await readFile(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)[1]) * 1024;
  }
}

/** Ports that are free for TCP and UDP on the loopback address just now. */
export async function freePorts(count) {
  const held = [];
  const ports = [];
  while (ports.length < count) {
    const tcp = createServer();
    await new Promise((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    held.push(tcp);
    const { port } = tcp.address();
    const udp = createSocket("udp4");
    const free = await new Promise((resolve) => {
      udp.once("error", () => resolve(false));
      udp.bind(port, "127.0.0.1", () => resolve(true));
    });
    udp.close();
    if (free) ports.push(port);
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
