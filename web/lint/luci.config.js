// For the scripts of the LuCI app, each of which is the body of a function. What LuCI's
// own eslint.config.mjs demands of JavaScript and JSON is in it, and rules of ours beside.
import js from "@eslint/js";
import json from "@eslint/json";
import globals from "globals";
import { html } from "./html.js";
import { excuses } from "./excuses.js";

const modules = ["baseclass", "dom", "form", "poll", "rpc", "uci", "ui", "uqr", "view"];
const own = ["fields", "format", "login", "names", "options", "problems", "service", "values", "words"];

export default [
  { files: ["**/*.json"], plugins: { json }, language: "json/json", rules: json.configs.recommended.rules },
  { files: ["**/*.js"], ...js.configs.recommended },
  {
    files: ["**/*.js"],
    languageOptions: {
      sourceType: "commonjs",
      globals: { ...globals.browser, ...Object.fromEntries(["L", "E", "_", ...modules, ...own].map((name) => [name, "readonly"])) },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { html },
    processor: excuses,
    rules: {
      "html/sinks": "error",
      "html/luci": "error",
      "no-unused-vars": ["error", { caughtErrors: "none", args: "none" }],
      // LuCI's configuration does not know rules of ours: a line is excused by "// html:".
      "no-warning-comments": ["error", { terms: ["eslint-disable"], location: "anywhere" }],
    },
  },
];
