// A container of the image, confined as deploy/compose.yaml confines it, on ports of
// its own of this machine.
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../../browser/lib/daemon.mjs";
import { until } from "../../browser/lib/wait.mjs";

const program = process.env.DOCKER ?? "docker";

/** What a command of Docker's prints. */
export async function docker(...args) {
  const { stdout } = await promisify(execFile)(program, args);
  return stdout.trim();
}

export class Container {
  /**
   * @param {string} image
   * @param {Record<string, string>} env more UMBRELLA_* variables
   */
  static async make(image, env) {
    const made = new Container();
    made.image = image;
    made.name = `umbrella-test-${process.pid}`;
    made.volume = `${made.name}-state`;
    made.dir = await mkdtemp(path.join(tmpdir(), "umbrella-image-"));
    // As Docker makes it: root's, and readable for all.
    made.config = path.join(made.dir, "config");
    await mkdir(made.config, { mode: 0o755 });
    [made.port, made.mediaPort] = await freePorts(2);
    made.env = { UMBRELLA_LISTEN: `127.0.0.1:${made.port}`, UMBRELLA_MEDIA_PORT: String(made.mediaPort), ...env };
    return made;
  }

  /** Writes the settings' file. */
  async configure(uci) {
    await writeFile(path.join(this.config, "umbrella"), uci, { mode: 0o644 });
  }

  async run() {
    const variables = Object.entries(this.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    await docker(
      ...["run", "--detach", "--name", this.name, "--network", "host"],
      ...["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"],
      ...["--volume", `${this.volume}:/var/lib/umbrella`, "--volume", `${this.config}:/etc/config:ro`],
      // What the image says, only sooner.
      ...["--health-interval", "500ms", ...variables, this.image],
    );
    await until("the container is healthy", 60_000, 250, async () => {
      const { Status, ExitCode, Health } = (await this.inspect()).State;
      if (Status !== "running") throw new Error(`the container is ${Status} (${ExitCode}):\n${await this.log()}`);
      return Health.Status === "healthy";
    });
  }

  async inspect() {
    return JSON.parse(await docker("container", "inspect", this.name))[0];
  }

  /** Runs umbrellad in the container. */
  umbrellad(...args) {
    return docker("exec", this.name, "/umbrellad", ...args);
  }

  /** Sends the daemon a signal. */
  kill(signal) {
    return docker("kill", "--signal", signal, this.name);
  }

  /** What the container has written since it was made. */
  async log() {
    const { stdout, stderr } = await promisify(execFile)(program, ["logs", this.name]);
    return stdout + stderr;
  }

  /** The files below a path of the container, as tar lists them, owners by number. */
  async files(at) {
    const copy = spawn(program, ["cp", `${this.name}:${at}`, "-"], { stdio: ["ignore", "pipe", "inherit"] });
    const list = spawn("tar", ["--numeric-owner", "-tvf", "-"], { stdio: [copy.stdout, "pipe", "inherit"] });
    let text = "";
    for await (const chunk of list.stdout.setEncoding("utf8")) text += chunk;
    return text.trim().split("\n");
  }

  /** Stops and removes it; what is in the volume stays. Returns how it ended and its log. */
  async end() {
    await docker("stop", this.name);
    const { ExitCode: code } = (await this.inspect()).State;
    const log = await this.log();
    await docker("rm", this.name);
    return { code, log };
  }

  /** Removes all of it. */
  async close() {
    await docker("rm", "--force", this.name).catch(() => {});
    await docker("volume", "rm", "--force", this.volume).catch(() => {});
    await rm(this.dir, { recursive: true, force: true });
  }
}
