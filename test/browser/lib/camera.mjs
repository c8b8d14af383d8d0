// An IP camera: test/camera, with a clip that has a keyframe every ten seconds
// only, as real ones have, or with a small one that has one every two.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePorts } from "./daemon.mjs";
import { until } from "./wait.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));

export class Camera {
  /** Whole log of all runs so far. */
  log = "";
  #process = null;

  /** Builds the program and makes the clip, for any number of cameras. */
  static async studio() {
    const dir = await mkdtemp(path.join(tmpdir(), "umbrella-camera-"));
    const clip = async (name, size, rate, group) => {
      const source = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=25:duration=20`];
      // The profile High, as most cameras have it; Chromium does not list it without
      // a decoder in hardware.
      const coding = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "high", "-pix_fmt", "yuv420p", "-b:v", rate];
      const groups = ["-g", group, "-keyint_min", group, "-sc_threshold", "0"];
      await run("ffmpeg", ["-v", "error", "-y", ...source, ...coding, ...groups, path.join(dir, name)]);
    };
    await Promise.all([
      run("go", ["build", "-o", path.join(dir, "camera"), "./test/camera"], { cwd: root }),
      clip("large.h264", "640x360", "1M", "250"),
      clip("small.h264", "320x180", "200k", "50"),
    ]);
    return { dir, close: () => rm(dir, { recursive: true, force: true }) };
  }

  /**
   * @param {object} studio
   * @param {object} [options]
   * @param {string} [options.clip]
   * @param {boolean} [options.aac] its sound is AAC, not G.711
   * @param {boolean} [options.hears] it can be talked to
   */
  constructor(studio, { clip = "large.h264", aac = false, hears = false } = {}) {
    this.studio = studio;
    this.clip = clip;
    this.aac = aac;
    this.hears = hears;
  }

  static async start(studio, options) {
    const camera = new Camera(studio, options);
    [camera.port] = await freePorts(1);
    await camera.run();
    return camera;
  }

  get url() {
    return `rtsp://eve:hunter2@127.0.0.1:${this.port}/live`;
  }

  async run() {
    const sound = this.aac ? ["-aac", path.join(root, "internal/camera/testdata/tone16k.aac")] : [];
    const child = spawn(
      path.join(this.studio.dir, "camera"),
      ["-address", `127.0.0.1:${this.port}`, "-clip", path.join(this.studio.dir, this.clip), ...(this.hears ? ["-hears"] : []), ...sound],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#process = child;
    const before = this.log.length;
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (this.log += text));
    await until("the camera serves", 10_000, 20, () => this.log.slice(before).includes("serving"));
  }

  /** How often somebody began to watch it. */
  get viewed() {
    return this.log.split("viewed").length - 1;
  }

  /** How many packets with something to hear came to it. */
  get heard() {
    return this.log.split("heard").length - 1;
  }

  async kill() {
    const child = this.#process;
    this.#process = null;
    if (!child) return;
    const gone = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }
}
