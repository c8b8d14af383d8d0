// For the scripts of the LuCI app, each of which is the body of a function.
import { html } from "./html.js";

export default [
  {
    files: ["**/*.js"],
    languageOptions: { sourceType: "commonjs" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { html },
    rules: { "html/sinks": "error", "html/luci": "error" },
  },
];
