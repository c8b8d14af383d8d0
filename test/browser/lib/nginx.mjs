// nginx as people put it before their services: it does the TLS, and says who
// sent a request.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { until } from "./wait.mjs";

/** Without these, pages load and WebSockets do not open. */
export const upgrade = ["Upgrade $http_upgrade", "Connection $connection_upgrade"];
const usual = ["Host $http_host", ...upgrade, "X-Forwarded-For $proxy_add_x_forwarded_for", "X-Forwarded-Proto $scheme"];

/**
 * @param {object} options
 * @param {number} options.port that it listens on, at every address
 * @param {string} options.prefix whose requests it passes on
 * @param {string} options.to where to, such as "127.0.0.1:8081"
 * @param {string} options.certificate PEM file
 * @param {string} options.key PEM file
 * @param {string[]} [options.headers] what it sets of the requests' headers
 * @returns {Promise<() => Promise<void>>} ends it
 */
export async function nginx({ port, prefix, to, certificate, key, headers = usual }) {
  const dir = await mkdtemp(path.join(tmpdir(), "umbrella-nginx-"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${dir}/${what};`);
  await writeFile(
    path.join(dir, "nginx.conf"),
    `
daemon off;
pid ${dir}/pid;
error_log ${dir}/error.log;
events {}
http {
  access_log off;
  ${temporary.join("\n  ")}
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen ${port} ssl;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    location ${prefix}/ {
      proxy_pass http://${to};
      proxy_http_version 1.1;
      ${headers.map((header) => `proxy_set_header ${header};`).join("\n      ")}
      proxy_read_timeout 1h;
    }
  }
}
`,
  );
  const child = spawn("nginx", ["-e", `${dir}/error.log`, "-p", dir, "-c", `${dir}/nginx.conf`], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  let gone = null;
  const exit = new Promise((resolve) => {
    child.on("exit", resolve);
    child.on("error", resolve);
  }).then((how) => (gone = `${how}`));
  await until("nginx serves", 10_000, 50, () => {
    if (gone !== null) throw new Error(`nginx ended (${gone}): ${log}`);
    return new Promise((resolve) => {
      https
        .get({ port, path: `${prefix}/healthz`, rejectUnauthorized: false, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode === 200);
        })
        .on("error", () => resolve(false));
    });
  });
  return async () => {
    child.kill("SIGTERM");
    await exit;
    await rm(dir, { recursive: true, force: true });
  };
}
