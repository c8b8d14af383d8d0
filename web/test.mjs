// Runs the unit tests, src/**/*.test.ts, in node's own runner.
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
const out = await mkdtemp(path.join(tmpdir(), "umbrella-web-test-"));
try {
  const files = (await readdir(path.join(root, "src"), { recursive: true }))
    .filter((name) => /\.test\.tsx?$/.test(name))
    .map((name) => path.join("src", name));
  if (files.length === 0) throw new Error("there are no tests");
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: files,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    jsx: "automatic",
    jsxImportSource: "preact",
    sourcemap: "inline",
    outdir: out,
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
  });
  const built = (await readdir(out, { recursive: true }))
    .filter((name) => name.endsWith(".test.mjs"))
    .map((name) => path.join(out, name));
  const child = spawn(process.execPath, ["--enable-source-maps", "--test", ...process.argv.slice(2), ...built], {
    stdio: "inherit",
  });
  process.exitCode = await new Promise((resolve) => {
    child.on("exit", (code) => resolve(code ?? 1));
  });
} finally {
  await rm(out, { recursive: true });
}
