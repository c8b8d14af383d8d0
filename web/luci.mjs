// Scripts of the LuCI app that the web client uses, too: import from "luci/NAME".
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const resources = fileURLToPath(new URL("../luci-app-umbrella/htdocs/luci-static/resources/umbrella/", import.meta.url));

/** For esbuild. */
export const luci = {
  name: "luci",
  setup(build) {
    build.onResolve({ filter: /^luci\// }, ({ path }) => ({ path: path.slice("luci/".length), namespace: "luci" }));
    build.onLoad({ filter: /./, namespace: "luci" }, async ({ path: name }) => {
      const path = `${resources}${name}.js`;
      const script = await readFile(path, "utf8");
      // LuCI runs a script as a function that returns its class.
      const ending = /^return baseclass\.extend\((\{[\w, ]+\})\);\s*$/m;
      if (!ending.test(script)) throw new Error(`${path}: does not end as a script of LuCI does`);
      return { contents: script.replace(ending, "export $1;"), watchFiles: [path], loader: "js" };
    });
  },
};
