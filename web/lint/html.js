// Rules for ESLint that keep strings from becoming HTML, or script.

/** The name of a member, as far as it is written in the source. */
function memberName(node) {
  if (node.type !== "MemberExpression") return null;
  if (!node.computed) return node.property.name;
  return node.property.type === "Literal" ? String(node.property.value) : null;
}

const keyName = (property) => (property.computed ? null : String(property.key.name ?? property.key.value));

const isString = (node) => node.type === "Literal" && typeof node.value === "string";
const isText = (node) => isString(node) || node.type === "TemplateLiteral" || (node.type === "BinaryExpression" && node.operator === "+");

/** Whether an address in the source runs script, or may. */
const isScript = (text) => /^[\s\p{Cc}]*(javascript|vbscript|data):/iu.test(text);

// Properties, attributes and methods that make HTML, a page or script of a string.
const sinks = new Set([
  ..."innerHTML outerHTML srcdoc srcDoc dangerouslySetInnerHTML __html rawhtml".split(" "),
  ..."insertAdjacentHTML setHTMLUnsafe parseHTMLUnsafe createContextualFragment parseFromString".split(" "),
]);

const addresses = new Set("href src action formaction formAction xlink:href xlinkHref poster data".split(" "));

/** Whether it is one of the addresses that are in the source. */
function isKnownAddress(node) {
  switch (node.type) {
    case "Literal":
      return node.value === null || (isString(node) && !isScript(node.value));
    case "ConditionalExpression":
      return isKnownAddress(node.consequent) && isKnownAddress(node.alternate);
    // LuCI's own pages.
    case "CallExpression":
      return ["url", "resource"].includes(memberName(node.callee)) && node.callee.object.name === "L" && node.arguments.every(isString);
    default:
      return false;
  }
}

/** No string is made HTML or script, and no link leads to an unknown address. */
const sinksRule = {
  meta: { type: "problem", schema: [], messages: { sink: "{{name}} makes HTML or script of a string", address: "{{name}} may be the address of a script" } },
  create(context) {
    const sink = (node, name) => context.report({ node, messageId: "sink", data: { name } });
    const address = (node, name) => context.report({ node, messageId: "address", data: { name } });
    return {
      MemberExpression(node) {
        const name = memberName(node);
        if (sinks.has(name)) sink(node, name);
        if (/^write(ln)?$/.test(name) && node.object.name === "document") sink(node, `document.${name}`);
      },
      AssignmentExpression(node) {
        const name = memberName(node.left);
        if (addresses.has(name) && !isKnownAddress(node.right)) address(node, name);
        if (/^on[a-z]+$/.test(name) && isText(node.right)) sink(node, name);
      },
      Property(node) {
        if (sinks.has(keyName(node))) sink(node, keyName(node));
      },
      Literal(node) {
        if (isString(node) && isScript(node.value)) address(node, node.raw);
      },
      TemplateElement(node) {
        if (isScript(node.value.raw) && node.parent.quasis[0] === node) address(node, node.value.raw);
      },
      CallExpression(node) {
        const name = node.callee.name ?? memberName(node.callee);
        const [first, second] = node.arguments;
        if (name === "eval" || name === "Function") sink(node, name);
        if (/^set(Timeout|Interval)$/.test(name) && first && isText(first)) sink(node, name);
        if (/^setAttribute(NS)?$/.test(name)) {
          const [attribute, value] = name === "setAttribute" ? [first, second] : node.arguments.slice(1);
          if (!attribute || !isString(attribute)) return;
          const lower = attribute.value.toLowerCase();
          if (lower.startsWith("on") || lower === "srcdoc") sink(node, attribute.value);
          if (addresses.has(lower) && !(value && isKnownAddress(value))) address(node, attribute.value);
        }
      },
      NewExpression(node) {
        if (node.callee.name === "Function") sink(node, "Function");
      },
      JSXAttribute(node) {
        const name = node.name.namespace ? `${node.name.namespace.name}:${node.name.name.name}` : node.name.name;
        const value = node.value?.type === "JSXExpressionContainer" ? node.value.expression : node.value;
        if (sinks.has(name)) sink(node, name);
        if (addresses.has(name) && !(value && isKnownAddress(value))) address(node, name);
        if (/^on/i.test(name) && value && isText(value)) sink(node, name);
      },
    };
  },
};

/** Whether it is words that are in the source, translated or not. */
function isFixed(node) {
  if (node.type === "CallExpression") return node.callee.name === "_" && node.arguments.every(isString);
  return node.type === "Literal" && !/[<&]/.test(String(node.value));
}

/** Whether it can only be a string. */
const isWords = (node) => isText(node) || (node.type === "CallExpression" && (node.callee.name === "_" || memberName(node.callee) === "format"));

/**
 * Whether it can only be a list or a node: a list in brackets, E(…), what map and
 * flatMap return, a list joined to one, or nothing. Whoever has a list in a
 * variable writes [ ...list ].
 */
function isNodes(node) {
  switch (node.type) {
    case "ArrayExpression":
      return true;
    case "Literal":
      return node.value === null;
    case "ConditionalExpression":
      return isNodes(node.consequent) && isNodes(node.alternate);
    case "LogicalExpression":
      return isNodes(node.right) && (node.operator === "&&" || isNodes(node.left));
    case "CallExpression":
      if (node.callee.name === "E") return true;
      if (memberName(node.callee) === "concat") return isNodes(node.callee.object);
      return ["map", "flatMap"].includes(memberName(node.callee));
    default:
      return false;
  }
}

/** What a function returns: null if that is not to be seen. */
function returned(node) {
  if (!/Function/.test(node.type)) return null;
  if (node.body.type !== "BlockStatement") return [node.body];
  const all = [];
  const look = (part) => {
    if (!part || typeof part.type !== "string" || /Function/.test(part.type)) return;
    if (part.type === "ReturnStatement" && part.argument) all.push(part.argument);
    for (const [key, value] of Object.entries(part)) if (key !== "parent") [value].flat().forEach(look);
  };
  look(node.body);
  return all;
}

// Helpers of LuCI and which of their arguments are children (luci.js, ui.js).
const children = { content: [1], append: [1], showModal: [0, 1], addNotification: [0, 1], addTimeLimitedNotification: [0, 1] };
// Methods of forms whose arguments from one on are titles and descriptions (form.js).
const titles = { option: 1, taboption: 0, section: 1, tab: 0, value: 0 };
const titleNames = /^(title|description|href|titleref|titledesc|tooltip|(add|remove|clone)btntitle|modaltitle|sectiontitle|inputtitle|select_placeholder)$/;

/** LuCI makes HTML of bare strings: it is given lists, nodes and fixed words. */
const luciRule = {
  meta: {
    type: "problem",
    schema: [],
    messages: {
      children: "LuCI makes HTML of it if it is a string: give {{name}} a list, in which strings are text",
      fixed: "LuCI makes HTML of it: {{name}} has to be words that are in the source, without < and &",
      attributes: "the attributes of E have to be written where it is called, each by its name",
      attribute: "{{name}} makes script of a string, or may",
      gone: "{{name}} makes HTML of what it is given",
    },
  },
  create(context) {
    const report = (node, messageId, name) => context.report({ node, messageId, data: { name } });
    const wantNodes = (node, name) => node && !isNodes(node) && report(node, "children", name);
    const wantFixed = (node, name) => !isFixed(node) && report(node, "fixed", name);

    function element(node) {
      const [what, ...rest] = node.arguments;
      if (!what || !isString(what) || !/^[a-z][a-z0-9]*$/.test(what.value)) report(node, "fixed", "the name of an element");
      const attributes = rest[0]?.type === "ObjectExpression" ? rest.shift() : null;
      // Without attributes the children come first.
      if (!attributes && rest.length > 1) report(rest.shift(), "attributes");
      rest.forEach((one) => wantNodes(one, "E"));
      for (const property of attributes?.properties ?? []) {
        if (property.type !== "Property" || property.computed) {
          report(property, "attributes");
          continue;
        }
        const name = keyName(property).toLowerCase();
        if (name.startsWith("on") || (name === "style" && !isString(property.value)) || (addresses.has(name) && !isKnownAddress(property.value)))
          report(property, "attribute", name);
      }
    }

    function wantReturns(node, name) {
      const all = returned(node);
      if (all === null) report(node, "children", name);
      else all.forEach((one) => wantNodes(one, name));
    }

    return {
      // Under another name it would not be seen.
      MemberExpression(node) {
        const name = memberName(node);
        if (name in { showModal: 1, addNotification: 1, addTimeLimitedNotification: 1 } && node.parent.callee !== node) report(node, "gone", name);
      },
      Identifier(node) {
        if (node.name === "E" && node.parent.type === "VariableDeclarator") report(node, "gone", "E");
      },
      CallExpression(node) {
        const method = memberName(node.callee);
        const name = node.callee.name ?? method;
        if (name === "E" || (name === "create" && node.callee.object.name === "dom")) return element(node);
        if (name === "itemlist" || (method === "parse" && node.callee.object.name === "dom")) return report(node, "gone", name);
        if (Object.hasOwn(children, name) && !(/^(content|append)$/.test(name) && node.callee.object?.name !== "dom"))
          for (const i of children[name]) wantNodes(node.arguments[i], name);
        if (method && Object.hasOwn(titles, method)) {
          // The kinds of sections and options are no words.
          const words = node.arguments.filter((one) => !(one.type === "MemberExpression" && one.object.name === "form"));
          words.forEach((one) => wantFixed(one, method));
        }
      },
      NewExpression(node) {
        if (/Map$/.test(memberName(node.callee)) && node.callee.object.name === "form") node.arguments.forEach((one) => wantFixed(one, "a form"));
      },
      AssignmentExpression(node) {
        const name = memberName(node.left);
        if (titleNames.test(name)) wantFixed(node.right, name);
        if (name === "textvalue") wantReturns(node.right, name);
      },
      Property(node) {
        const name = keyName(node);
        if (name === "textvalue") wantReturns(node.value, name);
        // What a view and a card return, in a promise or not.
        if (name === "render") (returned(node.value) ?? []).filter(isWords).forEach((one) => report(one, "children", name));
        if (name === "title" && node.parent.parent.type === "CallExpression" && memberName(node.parent.parent.callee) === "extend") wantFixed(node.value, name);
      },
    };
  },
};

export const html = { rules: { sinks: sinksRule, luci: luciRule } };
