// A machine as small as an access point: one CPU and little memory.
import { access, mkdir, readFile, rmdir, writeFile } from "node:fs/promises";

const root = "/sys/fs/cgroup";

/**
 * Confines to one CPU and, where there is a cgroup controller for it, to that
 * much memory. What the kernel keeps for the process counts, too.
 *
 * @param {number} bytes
 */
export async function smallMachine(bytes) {
  const kinds = [
    { name: "cgroup v2", folder: root, file: "memory.max", peak: "memory.peak" },
    { name: "cgroup v1", folder: `${root}/memory`, file: "memory.limit_in_bytes", peak: "memory.max_usage_in_bytes" },
  ];
  for (const { name, folder, file, peak } of kinds) {
    const path = `${folder}/${process.env.NET_PREFIX}`;
    try {
      await access(`${folder}/cgroup.procs`);
      await mkdir(path);
    } catch {
      continue; // not this kind, or not ours to change
    }
    try {
      await writeFile(`${path}/${file}`, String(bytes));
    } catch {
      await rmdir(path);
      continue;
    }
    return {
      cpus: "0",
      cgroup: `${path}/cgroup.procs`,
      told: `CPU 0 by affinity, ${bytes / (1 << 20)} MiB by ${name}`,
      peak: async () => Number(await readFile(`${path}/${peak}`, "utf8").catch(() => NaN)),
      remove: () => rmdir(path),
    };
  }
  return {
    cpus: "0",
    cgroup: "",
    told: "CPU 0 by affinity",
    peak: async () => NaN,
    remove: async () => {},
  };
}
