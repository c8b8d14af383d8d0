package luci_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Runs the views without LuCI. It writes the options that they have, and whether they
// take each of the values that it reads from its standard input.
const runner = `
const fs = require('fs');
const options = {};
const kinds = [ 'Flag', 'Value', 'ListValue', 'DynamicList', 'DummyValue' ];
const form = { NamedSection: 0, GridSection: 0 };
for (const widget of kinds) form[widget] = class {
	constructor(section, name, title, help) { Object.assign(this, { section, option: name, widget, title, help, choices: [] }); }
	value(word, title) { this.choices.push([ word, title ?? word ]); }
	depends() {}
	cfgvalue() { return null; }
	formvalue() { return null; }
};
form.Map = class {
	section(kind, ...names) {
		const sectiontype = names[0] === 'main' ? 'umbrella' : names[0];
		const all = {};
		const made = {
			sectiontype, map: this, tabs: {},
			tab(name, title) { this.tabs[name] = title; },
			taboption(tab, widget, ...rest) { return Object.assign(this.option(widget, ...rest), { tab: this.tabs[tab] }); },
			option(Widget, name, ...words) { return options[sectiontype + '.' + name] = all[name] = new Widget(made, name, ...words); },
			getOption: (name) => all[name],
			formvalue: () => null
		};
		return made;
	}
	async render() {}
};
String.prototype.format = function(...args) { return this.replace(/%[sd]/g, () => args.shift()); };
const root = process.argv[1];
const uci = { get: (p, s, o) => o ? undefined : { '.name': s }, sections: () => [] };
const given = {
	baseclass: { extend: (o) => o }, form, uci, ui: {}, dom: {}, poll: {}, uqr: {},
	rpc: { declare: () => () => Promise.resolve(null) },
	L: { env: {}, hasViewPermission: () => true, toArray: (v) => v == null ? [] : [].concat(v), resource: (v) => v, url: (v) => v },
	_: (s) => s, E: () => ({}), document: { documentElement: {} },
	view: { extend: (v) => v }
};
const modules = {};
function load(name) {
	if (modules[name]) return modules[name];
	const text = fs.readFileSync(root + name.replace(/\./g, '/') + '.js', 'utf8');
	const args = { ...given };
	for (const [ , wanted, as ] of text.matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/gm))
		if (wanted.startsWith('umbrella.')) args[as] = load(wanted);
	if (args.service) args.service = { ...args.service, liveColumn: () => ({}), withNotice: () => 0 };
	return modules[name] = new Function(...Object.keys(args), text)(...Object.values(args));
}
Promise.all([ 'settings', 'rooms', 'trunks', 'cameras' ].map((name) => load('view.umbrella.' + name).render([ {}, null ]))).then(() => {
	const taken = JSON.parse(fs.readFileSync(0, 'utf8')).map(([ key, value ]) => {
		const o = options[key];
		return o.widget === 'ListValue' ? o.choices.some(([ word ]) => word === value) : o.validate('x', value) === true;
	});
	const shown = Object.fromEntries(Object.entries(options).map(([ key, o ]) => [ key, {
		widget: o.widget, title: o.title, help: o.help ?? '', tab: o.tab ?? '', choices: o.choices,
		byDefault: o.default ?? '', placeholder: o.placeholder ?? '', password: !!o.password, inTable: !o.modalonly,
		refusal: o.validate ? String(o.validate('x', '\ufffd')) : ''
	} ]));
	console.log(JSON.stringify({ taken, options: shown }));
});
`

// viewOption is an option as the views show it.
type viewOption struct {
	Widget, Title, Help, Tab string
	Choices                  [][2]string // words and what is shown for them
	ByDefault, Placeholder   string
	Password, InTable        bool
	Refusal                  string // what is said of a value that nothing takes
}

func run(t *testing.T, input [][2]string) (taken []bool, options map[string]viewOption) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node to run the views")
	}
	in, err := json.Marshal(append([][2]string{}, input...))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", runner, resources)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Taken   []bool
		Options map[string]viewOption
	}
	if err := json.Unmarshal(out, &answer); err != nil || len(answer.Taken) != len(input) {
		t.Fatalf("%d answers to %d cases: %v", len(answer.Taken), len(input), err)
	}
	return answer.Taken, answer.Options
}

// judge reports which values the views take, each with its "section type.option".
func judge(t *testing.T, input [][2]string) []bool {
	t.Helper()
	taken, _ := run(t, input)
	return taken
}

// viewOptions returns the options of the views by "section type.option", without
// columns and fields that are no options of their own.
func viewOptions(t *testing.T) map[string]viewOption {
	t.Helper()
	_, options := run(t, nil)
	for key := range options {
		if strings.Contains(key, "._") {
			delete(options, key)
		}
	}
	return options
}
