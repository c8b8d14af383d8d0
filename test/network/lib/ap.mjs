// The daemon as it runs on an access point: on an address of its LAN, with the
// ports that it has there.
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Daemon } from "../../browser/lib/daemon.mjs";

const address = "10.77.0.1";

export class AccessPoint extends Daemon {
  /**
   * @param {object} [machine] that it runs on
   * @param {string} [machine.cpus] that it may use, as taskset names them
   * @param {string} [machine.cgroup] path of the cgroup's cgroup.procs
   * @param {number} [machine.port] of the web server
   * @param {Record<string, string>} [machine.env] more UMBRELLA_* variables
   */
  static async start({ cpus = "", cgroup = "", port = 8081, env = {} } = {}) {
    const dir = await mkdtemp(path.join(tmpdir(), "umbrella-ap-"));
    const ap = new AccessPoint({
      env: {
        UMBRELLA_LISTEN: `:${port}`,
        CONFINED_BINARY: process.env.UMBRELLAD_BINARY,
        CONFINED_CPUS: cpus,
        CONFINED_CGROUP: cgroup,
        CONFINED_PID: path.join(dir, "pid"),
        ...env,
      },
    });
    ap.dir = dir;
    await mkdir(path.join(ap.dir, "config"));
    await mkdir(path.join(ap.dir, "state"), { mode: 0o700 });
    await writeFile(path.join(ap.dir, "config/umbrella"), "");
    ap.port = port;
    ap.mediaPort = 8082;
    await ap.run();
    return ap;
  }

  /** A page as those on the LAN open it. */
  page(at) {
    return `https://${address}:${this.port}${at}`;
  }

  async pid() {
    return (await readFile(path.join(this.dir, "pid"), "utf8")).trim();
  }

  /** Seconds of CPU that it took so far. */
  async cpuTime() {
    const [, ...fields] = (await readFile(`/proc/${await this.pid()}/stat`, "utf8")).split(")")[1].split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100; // utime and stime, in USER_HZ
  }

  /** The one room there is, as /status has it. */
  async room() {
    const { rooms } = await this.status();
    if (rooms?.length !== 1) throw new Error(`${rooms?.length ?? 0} rooms instead of one`);
    return rooms[0];
  }

  /** Layers of a participant's picture, by rid. */
  async layers(name) {
    const { participants } = await this.room();
    const tracks = participants.find((p) => p.name === name)?.tracks ?? [];
    const video = tracks.find((t) => t.codec.startsWith("video/"));
    return Object.fromEntries(
      (video?.layers ?? []).map((l) => [
        l.rid,
        { keyframes: Number(l.keyframes ?? 0), requests: Number(l.keyframeRequests ?? 0), subscribers: l.subscribers ?? 0, height: l.height ?? 0 },
      ]),
    );
  }

  /** What of a picture somebody who watches only one gets. */
  async picture(name) {
    const { participants } = await this.room();
    const one = participants.find((p) => p.name === name);
    const stream = (one?.subscriptions ?? []).find((s) => s.rid);
    const path = (one?.peerConnections ?? []).find((c) => c.role === "subscribe");
    return {
      rid: stream?.rid ?? "",
      temporal: stream?.temporalLayer ?? 0,
      rate: Number(stream?.bitsPerSecond ?? 0),
      path: Number(path?.availableBitsPerSecond ?? 0),
      nacks: Number(stream?.nacks ?? 0),
      resent: Number(stream?.retransmissions ?? 0),
    };
  }
}
