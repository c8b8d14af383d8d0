// Builds the client into dist/. Text files are written gzipped, as NAME.gz,
// because the daemon embeds them so; what an AP's flash holds twice is wasted.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(root, "dist");
const pages = path.join(root, "src/pages");

// What any one page may take on the wire before it works, in bytes: its script,
// the chunks that this imports, and its styles. What is loaded later is not in it.
const budget = 60_000;

const options = {
  absWorkingDir: root,
  // Hashes come from paths, too, and node_modules may be a link.
  preserveSymlinks: true,
  entryPoints: { alive: "src/alive/main.ts", app: "src/app.tsx", servers: "src/servers/main.tsx", status: "src/status/main.tsx", trust: "src/trust/main.ts", login: "src/login/main.ts" },
  bundle: true,
  format: "esm",
  // What pages share, and what is loaded later, are files of their own.
  splitting: true,
  chunkNames: "assets/chunk-[hash]",
  minify: true,
  // The first ones with <dialog>, which keeps the focus where it belongs.
  target: ["chrome97", "edge97", "firefox98", "safari15.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: "dist",
  entryNames: "assets/[name]-[hash]",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  write: false,
  logLevel: "warning",
};

async function emit(result) {
  await empty();
  const names = new Map(); // "app.js" to "assets/app-HASH.js"
  const sizes = new Map(); // by name, "assets/app-HASH.js"
  for (const file of result.outputFiles) {
    const name = path.relative(dist, file.path);
    sizes.set(name, await write(name, file.contents));
    names.set(path.basename(name).replace(/-[A-Z0-9]{8}(?=\.\w+$)/, ""), name);
  }
  for (const name of ["icon.svg", "icon-180.png", "icon-512.png"]) {
    names.set(name, await hashed(name, await readFile(path.join(pages, name))));
  }
  const manifest = await readFile(path.join(pages, "manifest.webmanifest"), "utf8");
  names.set("manifest.webmanifest", await hashed("manifest.webmanifest", Buffer.from(link(manifest, names, "../"))));
  const outputs = new Map(Object.entries(result.metafile.outputs).map(([file, output]) => [path.relative("dist", file), output]));
  for (const name of (await readdir(pages)).filter((n) => n.endsWith(".html"))) {
    const page = await readFile(path.join(pages, name), "utf8");
    await write(name, Buffer.from(link(preload(page, names, outputs), names, "")));
  }
  for (const page of Object.keys(options.entryPoints)) {
    const script = names.get(`${page}.js`);
    const styles = names.get(`${page}.css`);
    const needed = [script, names.get("alive.js"), ...imported(script, outputs), ...(styles ? [styles] : [])];
    const total = needed.reduce((sum, name) => sum + sizes.get(name), 0);
    console.log(`${page}: ${total} bytes of scripts and styles at its start, gzipped, of ${budget} allowed`);
    if (total > budget) throw new Error(`${page} is ${total - budget} bytes too large`);
  }
}

// imported returns the chunks without which a script does not run.
function imported(script, outputs, found = new Set()) {
  for (const { path: file, kind } of outputs.get(script).imports) {
    const name = path.relative("dist", file);
    if (kind !== "import-statement" || found.has(name)) continue;
    found.add(name);
    imported(name, outputs, found);
  }
  return found;
}

// preload has the browser fetch a page's chunks together with its script, of
// which it would learn of them only.
function preload(page, names, outputs) {
  return page.replaceAll(/^( *)<script type="module" src="\{\{([\w.-]+)\}\}">/gm, (script, indent, name) =>
    [...[...imported(names.get(name), outputs)].map((chunk) => `${indent}<link rel="modulepreload" href="${chunk}" />`), script].join("\n"),
  );
}

// link puts the built names where a page says {{name}}.
function link(text, names, prefix) {
  return text.replaceAll(/\{\{([\w.-]+)\}\}/g, (_, name) => {
    if (!names.has(name)) throw new Error(`no file ${name} was built`);
    return prefix + names.get(name);
  });
}

async function hashed(name, contents) {
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 8);
  const { name: stem, ext } = path.parse(name);
  const out = `assets/${stem}-${hash}${ext}`;
  await write(out, contents);
  return out;
}

// write returns the size as it goes over the wire.
async function write(name, contents) {
  const text = !name.endsWith(".png");
  const body = text ? gzipSync(contents, { level: 9 }) : contents;
  const file = path.join(dist, text ? `${name}.gz` : name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, body);
  console.log(`${String(body.length).padStart(7)}  ${path.relative(root, file)}`);
  return body.length;
}

async function empty() {
  await mkdir(dist, { recursive: true });
  for (const name of await readdir(dist)) {
    if (name !== ".gitkeep") await rm(path.join(dist, name), { recursive: true });
  }
}

if (process.argv.includes("--watch")) {
  const say = {
    name: "emit",
    setup(build) {
      build.onEnd(async (result) => {
        if (result.errors.length === 0) await emit(result).catch((err) => console.error(err.message));
      });
    },
  };
  const context = await esbuild.context({ ...options, plugins: [say] });
  await context.watch();
} else {
  try {
    await emit(await esbuild.build(options));
  } catch (err) {
    if (!err.errors) console.error(err.message); // esbuild has printed its own
    process.exit(1);
  }
}
