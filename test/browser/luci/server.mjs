// An access point as LuCI's client sees it: settings, and calls that are allowed
// as acl.d says.
import http from "node:http";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const app = fileURLToPath(new URL("../../../luci-app-umbrella/", import.meta.url));
// luci-lib-uqr, which LuCI has, is a copy of this.
const uqr = fileURLToPath(new URL("../../../web/node_modules/uqr/dist/index.cjs", import.meta.url));
const standIn = new URL("stand-in.js", import.meta.url);

const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>LuCI</title><link rel="icon" href="data:,"></head>
<body><main></main><script src="/stand-in.js"></script></body></html>`;

export class AccessPoint {
  /** Settings: sections by their names. */
  sections = {};
  /** What the node answers, by "object.method": a function of the values. */
  answers = {};
  /** Every call, as [name, values]. */
  calls = [];
  /** Calls that the rights do not allow. */
  denied = [];
  applied = 0;
  readOnly = false;
  #server;
  #rights;

  static async start() {
    const made = new AccessPoint();
    const acl = path.join(app, "root/usr/share/rpcd/acl.d/luci-app-umbrella.json");
    made.#rights = JSON.parse(await readFile(acl, "utf8"))["luci-app-umbrella"];
    made.#server = http.createServer((request, response) => {
      made.#answer(request).then(
        ([status, type, body]) => response.writeHead(status, { "content-type": type }).end(body),
        (error) => response.writeHead(500, { "content-type": "text/plain" }).end(error.message),
      );
    });
    await new Promise((resolve) => made.#server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #allows(object, method) {
    const groups = this.readOnly ? [this.#rights.read] : [this.#rights.read, this.#rights.write];
    return groups.some((group) => group.ubus[object]?.includes(method));
  }

  async #answer(request) {
    const { pathname } = new URL(request.url, "http://ap");
    if (request.method === "GET") {
      if (pathname === "/") return [200, "text/html", page];
      if (pathname.endsWith("/resources/uqr.js")) return [200, "text/javascript", `const exports = {};\n${await readFile(uqr, "utf8")}\nreturn exports;`];
      const file = pathname === "/stand-in.js" ? standIn : path.join(app, "htdocs", path.normalize(pathname));
      try {
        return [200, pathname.endsWith(".css") ? "text/css" : "text/javascript", await readFile(file)];
      } catch {
        return [404, "text/plain", "not found"];
      }
    }
    let text = "";
    for await (const part of request) text += part;
    return [200, "application/json", JSON.stringify(await this.#post(pathname, JSON.parse(text)))];
  }

  async #post(pathname, body) {
    switch (pathname) {
      case "/uci":
        if (body.sections) this.sections = body.sections;
        return this.sections;
      case "/apply":
        this.applied++;
        return {};
      case "/ubus": {
        const name = `${body.object}.${body.method}`;
        this.calls.push([name, body.values]);
        if (!this.#allows(body.object, body.method)) {
          this.denied.push(name);
          throw new Error("Access denied");
        }
        const answer = this.answers[name];
        if (!answer) throw new Error("Object not found");
        return { status: 0, result: await answer(body.values) };
      }
      default:
        throw new Error(`nothing is at ${pathname}`);
    }
  }
}
