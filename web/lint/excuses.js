// Lines of the LuCI app that the rules of html.js let pass: those with a comment
// "// html: WHY", behind them or on the line before. A comment that names one of these
// rules would be an error to LuCI's own configuration, which does not have them.
const mark = /\/\/ html: \S/;

const lines = new Map(); // of the files that are being checked, by their names

/** A processor of ESLint. */
export const excuses = {
  meta: { name: "excuses" },
  supportsAutofix: true,
  preprocess(text, name) {
    lines.set(name, text.split("\n"));
    return [text];
  },
  postprocess([messages], name) {
    const all = lines.get(name);
    lines.delete(name);
    const used = new Set();
    const left = messages.filter(({ ruleId, line }) => {
      if (!ruleId?.startsWith("html/")) return true;
      const own = all[line - 2]?.trim().startsWith("// html:") ? line - 1 : line;
      if (!mark.test(all[own - 1])) return true;
      used.add(own);
      return false;
    });
    all.forEach((text, i) => {
      if (mark.test(text) && !used.has(i + 1)) left.push({ ruleId: "html/excuse", severity: 2, line: i + 1, column: 1, message: "There is nothing to excuse here" });
    });
    return left;
  },
};
