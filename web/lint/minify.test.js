// A build of OpenWrt minifies the scripts of LuCI apps with Crockford's JSMin, which
// does not parse JavaScript: it takes the "/" after "return" for a division, and a
// template within a template for its end. What it makes of a script has to be the same
// script.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parse } from "espree";
import { jsmin } from "jsmin";

const app = fileURLToPath(new URL("../../luci-app-umbrella/htdocs/", import.meta.url));

/** The syntax tree of a script without its places. */
function treeOf(script) {
  const tree = parse(script, { ecmaVersion: "latest", sourceType: "commonjs" });
  return JSON.parse(JSON.stringify(tree, (key, value) => (["start", "end", "loc", "range", "raw"].includes(key) ? undefined : value)));
}

const names = (await readdir(app, { recursive: true })).filter((name) => name.endsWith(".js"));

test("the scripts of the LuCI app are there", () => assert.ok(names.length > 8, names.join(" ")));

for (const name of names) {
  test(`${name} is the same script when it is minified`, async () => {
    const script = await readFile(app + name, "utf8");
    assert.deepEqual(treeOf(jsmin(script)), treeOf(script));
  });
}

test("a script that the minifier does not understand is found", () => {
  assert.throws(() => jsmin("function f(a) {\n\treturn /x(\\[\\d+\\])?:/.test(a.b ?? '');\n}\n"));
});
