// For the scripts of the LuCI app, each of which is the body of a function. What LuCI's
// own eslint.config.mjs recommends is in it, and rules of ours beside.
import js from "@eslint/js";
import globals from "globals";
import { html } from "./html.js";

const modules = ["baseclass", "dom", "form", "poll", "rpc", "uci", "ui", "uqr", "view"];
const runtime = ["L", "E", "_", ...modules, "fields", "format", "login", "options", "problems", "service", "values", "words"];

export default [
  js.configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: {
      sourceType: "commonjs",
      globals: { ...globals.browser, ...Object.fromEntries(runtime.map((name) => [name, "readonly"])) },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { html },
    rules: {
      "html/sinks": "error",
      "html/luci": "error",
      // An error that is caught and not looked at needs a name for old browsers.
      "no-unused-vars": ["error", { caughtErrors: "none", args: "none" }],
    },
  },
];
