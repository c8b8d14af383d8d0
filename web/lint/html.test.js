// The rules find what they are for, in the words that made HTML of a name before.
import { test } from "node:test";
import assert from "node:assert/strict";
import { ESLint, RuleTester } from "eslint";
import tseslint from "typescript-eslint";
import { html } from "./html.js";

RuleTester.describe = (name, act) => act();
RuleTester.it = test;
RuleTester.itOnly = test.only;

const at = (messageId) => [{ messageId }];
const faults = (messageId, ...codes) => codes.map((code) => ({ code, errors: at(messageId) }));

new RuleTester({ languageOptions: { sourceType: "commonjs" } }).run("luci", html.rules.luci, {
  valid: [
    "ui.showModal([ _('Remove %s?').format(name) ], [ E('p', {}, [ words ]) ])",
    "ui.showModal([ title ], nodes.map((node) => E('p', {}, [ node ])), 'class')",
    "ui.addNotification(null, [ E('p', {}, [ e.message ]) ], 'error')",
    "dom.content(node, [ ...nodes ])",
    "dom.content(node, null)",
    "dom.content(node, known ? [ name ] : E('em', {}, [ 'none' ]))",
    "dom.content(node, known && [ name ])",
    "element.append(name)",
    "E('br')",
    "E('p', [ name ])",
    "E('a', { 'href': L.url('admin/services'), 'class': name, 'click': () => go(name) }, [].concat(cell))",
    "E('ul', {}, [ first ].concat(rest))",
    "o.textvalue = function(id) { return this.cfgvalue(id) ? [ this.cfgvalue(id) ] : null; }",
    "o.textvalue = (id) => [ live.cell(id) ]",
    "o.textvalue = function(id) { const f = () => { return 'x'; }; return [ f() ]; }",
    "o = s.option(form.Value, 'name', _('Name'), _('What it is called'))",
    "o.value('a', _('first'))",
    "s.addbtntitle = _('Add')",
    "new form.Map('umbrella', _('Settings'), _('All of them'))",
    "return view.extend({ render() { return [ E('p') ]; } })",
    "return baseclass.extend({ title: _('Umbrella') })",
  ],
  invalid: [
    ...faults(
      "children",
      "ui.showModal(_('Remove %s?').format(name), [])",
      "ui.showModal(title, [ node ])",
      "L.showModal(`Remove ${name}`, [])",
      "ui.showModal([ title ], words)",
      "ui.showModal(...all)",
      "ui.addNotification(name, [])",
      "ui.addNotification(null, _('Failed: %s').format(e.message))",
      "ui.addTimeLimitedNotification(null, e.message, 5000)",
      "dom.content(node, name)",
      "dom.content(node, show(key))",
      "dom.content(node, known ? [ name ] : name)",
      "dom.content(node, known && name)",
      "dom.content(node, nodes ?? [])",
      "dom.content(node, words.concat([ name ]))",
      "dom.append(node, name)",
      "E('p', {}, name)",
      "E('p', {}, '%s'.format(name))",
      "E('p', {}, _('fixed, but translated'))",
      "E('p', {}, () => name)",
      "E('p', name)",
      "dom.create('p', {}, name)",
      "o.textvalue = function(id) { if (id) return [ id ]; return '%h'.format(id); }",
      "o.textvalue = (id) => this.cfgvalue(id)",
      "o.textvalue = shown",
      "form.Value.extend({ textvalue(id) { return id; } })",
      "return view.extend({ render() { return _('Hello %s').format(name); } })",
    ),
    ...faults(
      "fixed",
      "E(name)",
      "E('<p>' + name)",
      "E('<img src=x>')",
      "o = s.option(form.Value, 'name', camera.name)",
      "o = s.option(form.Value, 'name', _('Name'), _('%s').format(name))",
      "o = s.taboption('tab', form.Value, 'name', _('Name'), name)",
      "map.section(form.GridSection, 'camera', name)",
      "o.value(id, _('first'))",
      "o.value('a', name)",
      "new form.Map('umbrella', name)",
      "o.title = name",
      "o.description = _('Called %s').format(name)",
      "o.description = 'a <b>bold</b> one'",
      "s.modaltitle = (id) => uci.get('umbrella', id, 'name')",
      "s.modaltitle = '%s'.format(name)",
      "s.sectiontitle = (id) => id",
      "return baseclass.extend({ title: name })",
    ),
    ...faults("attributes", "E('p', attributes, [ name ])", "E('p', { ...attributes }, [])", "E('p', { [key]: name }, [])"),
    ...faults("attribute", "E('a', { href: url }, [])", "E('img', { 'src': url })", "E('p', { onclick: words })", "E('p', { style: words })", "E('form', { 'action': url })"),
    ...faults("gone", "ui.itemlist(node, [ name, value ])", "dom.parse(name)", "const show = ui.showModal", "const make = E"),
  ],
});

new RuleTester({ languageOptions: { parser: tseslint.parser, parserOptions: { ecmaFeatures: { jsx: true } } } }).run("sinks", html.rules.sinks, {
  valid: [
    "node.textContent = name",
    "stream.write(name)",
    "setTimeout(() => go(name), 5)",
    "node.setAttribute('title', name)",
    "node.setAttribute('href', 'trust')",
    "const a = <a href='trust' title={name}>{name}</a>",
    "const a = <a href={off ? 'status' : 'servers'} onClick={go}>{name}</a>",
    "image.src = 'mark.svg'",
    "new Map([[name, 1]])",
  ],
  invalid: [
    ...faults(
      "sink",
      "node.innerHTML = name",
      "node['outerHTML'] += name",
      "node.insertAdjacentHTML('beforeend', name)",
      "document.write(name)",
      "document.writeln(name)",
      "range.createContextualFragment(name)",
      "new DOMParser().parseFromString(name, 'text/html')",
      "node.setHTMLUnsafe(name)",
      "Document.parseHTMLUnsafe(name)",
      "frame.srcdoc = name",
      "frame.setAttribute('srcdoc', name)",
      "node.setAttribute('onclick', name)",
      "o.rawhtml = true",
      "eval(name)",
      "new Function(name)",
      "setTimeout('go()', 5)",
      "setInterval(`go(${name})`, 5)",
      "node.onclick = 'go()'",
      "const a = <p onClick='go()' />",
      "const a = <iframe srcdoc={name} />",
      "h('p', { dangerouslySetInnerHTML: props })",
    ),
    { code: "const a = <p dangerouslySetInnerHTML={{ __html: name }} />", errors: [...at("sink"), ...at("sink")] },
    ...faults(
      "address",
      "link.href = url",
      "location.href = url",
      "image.src = url",
      "node.setAttribute('href', url)",
      "node.setAttributeNS(xlink, 'xlink:href', url)",
      "const a = <a href={url}>x</a>",
      "const a = <a xlink:href={url}>x</a>",
      "const a = <form action={url} />",
      "const a = 'javascript:go()'",
      "const a = ' JavaScript:go()'",
      "const a = `javascript:${name}`",
    ),
  ],
});

test("a line is excused by a comment with a reason, and a comment that excuses nothing is found", async () => {
  const eslint = new ESLint({ overrideConfigFile: new URL("luci.config.js", import.meta.url).pathname, cwd: "/" });
  const found = async (code) => (await eslint.lintText(code, { filePath: "/x.js" }))[0].messages.map(({ ruleId, line }) => [ruleId, line]);
  const sink = "document.body.innerHTML = L.name;";
  assert.deepEqual(await found(`${sink}\n`), [["html/sinks", 1]]);
  assert.deepEqual(await found(`${sink} // html: fixed words\n`), []);
  assert.deepEqual(await found(`// html: fixed words\n${sink}\n`), []);
  assert.deepEqual(await found(`${sink} // html:\n`), [["html/sinks", 1]]);
  assert.deepEqual(await found(`// html: fixed words\n\n${sink}\n`), [["html/sinks", 3], ["html/excuse", 1]]);
  assert.deepEqual(await found(`${sink} // eslint-disable-line html/sinks\n`), [["no-warning-comments", 1]]);
});
