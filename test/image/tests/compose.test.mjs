// The compose files by what .env says, as Compose reads them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const dir = await mkdtemp(path.join(tmpdir(), "umbrella-compose-"));
after(() => rm(dir, { recursive: true, force: true }));
await cp(fileURLToPath(new URL("../../../deploy", import.meta.url)), dir, { recursive: true });
const example = await readFile(path.join(dir, ".env.example"), "utf8");

// The plugin of Docker's, or the program of before.
const programs = [[process.env.DOCKER ?? "docker", "compose"], ["docker-compose"]];
let program;
for (const [name, ...first] of programs) {
  const there = await run(name, [...first, "version"]).then(
    () => true,
    () => false,
  );
  if (there) program ??= [name, first];
}
const skip = program ? false : "there is no Compose here";

/** What Compose makes of the example with these lines at its end. */
async function config(...lines) {
  await writeFile(path.join(dir, ".env"), example + lines.join("\n") + "\n");
  const [name, first] = program;
  const { stdout } = await run(name, [...first, "config"], { cwd: dir, env: { PATH: process.env.PATH, HOME: dir } });
  return stdout;
}

const hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";

test("umbrellad gets each setting that is in .env", { skip }, async () => {
  const text = await config("UMBRELLA_TRUSTED_PROXY=192.0.2.9", `UMBRELLA_ADMIN_PASSWORD='${hash}'`);
  assert.match(text, /^ +UMBRELLA_TRUSTED_PROXY: 192\.0\.2\.9$/m);
  assert.match(text, /^ +UMBRELLA_PUBLIC_HOST: call\.example\.org$/m);
  // Compose doubles each $ when it prints.
  assert.ok(text.includes(`UMBRELLA_ADMIN_PASSWORD: ${hash.replaceAll("$", "$$$$")}\n`), text);
});

test("Traefik is reached by IPv4 only", { skip }, async () => {
  const ports = [...(await config()).matchAll(/0\.0\.0\.0:(?:80:80|443:443)|host_ip: 0\.0\.0\.0/g)];
  assert.equal(ports.length, 2, `${ports}`);
});

test("Traefik is told of the domain, the path and the relay", { skip }, async () => {
  assert.ok((await config()).includes("rule: Host(`call.example.org`) && PathPrefix(`/`)\n"));
  const text = await config("UMBRELLA_HTTP_PREFIX=/calls", "COMPOSE_FILE=compose.yaml:compose.turn.yaml", "TURN_DOMAIN=turn.example.org");
  assert.ok(text.includes("rule: Host(`call.example.org`) && PathPrefix(`/calls`)\n"), text);
  assert.ok(text.includes("rule: HostSNI(`turn.example.org`)\n"), text);
  assert.match(text, /^ +UMBRELLA_TURN_URL: turns:turn\.example\.org:443$/m);
});
