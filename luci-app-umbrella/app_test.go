package luci_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/config"
)

const (
	resources = "htdocs/luci-static/resources/"
	settings  = resources + "view/umbrella/settings.js"
	menu      = "root/usr/share/luci/menu.d/luci-app-umbrella.json"
	acl       = "root/usr/share/rpcd/acl.d/luci-app-umbrella.json"
	template  = "po/templates/umbrella.pot"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(read(t, name)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestMakefile(t *testing.T) {
	text := read(t, "Makefile")
	for _, line := range []string{
		"include $(TOPDIR)/rules.mk",
		"LUCI_DEPENDS:=+luci-base +umbrella",
		"LUCI_PKGARCH:=all",
		"PKG_LICENSE:=Apache-2.0",
		"include $(TOPDIR)/feeds/luci/luci.mk",
		// What feeds look for, since the call itself is in luci.mk.
		"# call BuildPackage - OpenWrt buildroot signature",
	} {
		if !slices.Contains(strings.Split(text, "\n"), line) {
			t.Errorf("the Makefile lacks the line %q", line)
		}
	}
	if !strings.Contains(read(t, "../openwrt/Makefile"), "\nPKG_NAME:=umbrella\n") {
		t.Error("there is no package umbrella to depend on")
	}
}

type rights struct {
	UCI  []string            `json:"uci"`
	Ubus map[string][]string `json:"ubus"`
}

func TestMenuAndACL(t *testing.T) {
	var groups map[string]struct {
		Description string
		Read, Write rights
	}
	decode(t, acl, &groups)
	group, ok := groups["luci-app-umbrella"]
	if !ok || len(groups) != 1 || group.Description == "" {
		t.Errorf("%s: not the one group luci-app-umbrella with a description: %+v", acl, groups)
	}
	if want := (rights{UCI: []string{"umbrella"}, Ubus: map[string][]string{"service": {"list"}}}); !reflect.DeepEqual(group.Read, want) {
		t.Errorf("%s: read is %+v, want %+v", acl, group.Read, want)
	}
	if want := (rights{UCI: []string{"umbrella"}}); !reflect.DeepEqual(group.Write, want) {
		t.Errorf("%s: write is %+v, want %+v", acl, group.Write, want)
	}

	var entries map[string]struct {
		Title   string
		Order   int
		Action  struct{ Type, Path string }
		Depends struct {
			ACL []string
			UCI map[string]bool
		}
	}
	decode(t, menu, &entries)
	entry, ok := entries["admin/services/umbrella"]
	if !ok || len(entries) != 1 || entry.Title == "" || entry.Action.Type != "view" {
		t.Errorf("%s: not one view below Services: %+v", menu, entries)
	}
	if _, err := os.Stat(resources + "view/" + entry.Action.Path + ".js"); err != nil {
		t.Errorf("%s: the view: %v", menu, err)
	}
	if !entry.Depends.UCI["umbrella"] {
		t.Errorf("%s: does not depend on the settings", menu)
	}
	for _, name := range entry.Depends.ACL {
		if _, ok := groups[name]; !ok {
			t.Errorf("%s: depends on the group %q, which %s does not have", menu, name, acl)
		}
	}
	if len(entry.Depends.ACL) == 0 {
		t.Errorf("%s: depends on no group", menu)
	}
}

// rpc.declare and 'require' name what has to be there on the access point.
func TestViewHasItsRightsAndModules(t *testing.T) {
	view := read(t, settings)
	if got := regexp.MustCompile(`object: '(\w+)',\s+method: '(\w+)'`).FindAllStringSubmatch(view, -1); len(got) != 1 || got[0][1] != "service" || got[0][2] != "list" {
		t.Errorf("the view calls %q, the rights are for service list alone", got)
	}
	if strings.Count(view, "rpc.declare(") != 1 {
		t.Error("the view declares more calls than the one that was looked at")
	}
	own := 0
	for _, m := range regexp.MustCompile(`(?m)^'require (umbrella\.\w+) as \w+';$`).FindAllStringSubmatch(view, -1) {
		own++
		if _, err := os.Stat(resources + strings.ReplaceAll(m[1], ".", "/") + ".js"); err != nil {
			t.Error(err)
		}
	}
	if own == 0 {
		t.Error("the view requires none of the app's modules")
	}
}

type viewOption struct{ widget, help, body string }

// viewOptions returns the options of the view by "section type.name".
func viewOptions(t *testing.T) (order []string, options map[string]viewOption) {
	t.Helper()
	section := regexp.MustCompile(`(?s)map\.section\(form\.(?:NamedSection, 'main'|GridSection), '(\w+)'.*?\n}\n`)
	option := regexp.MustCompile(`o = s\.option\(form\.(\w+), '(\w+)', _\('(?:[^'\\]|\\.)*'\), _\('((?:[^'\\]|\\.)*)'\)\);`)
	options = map[string]viewOption{}
	view := read(t, settings)
	for _, s := range section.FindAllStringSubmatch(view, -1) {
		found := option.FindAllStringSubmatchIndex(s[0], -1)
		for i, m := range found {
			end := len(s[0])
			if i+1 < len(found) {
				end = found[i+1][0]
			}
			key := s[1] + "." + s[0][m[4]:m[5]]
			order = append(order, key)
			options[key] = viewOption{s[0][m[2]:m[3]], unescape(s[0][m[6]:m[7]]), unescape(s[0][m[1]:end])}
		}
	}
	if n := strings.Count(view, ".option(form."); n != len(order) {
		t.Errorf("the view has %d options, of which %d could be read", n, len(order))
	}
	return order, options
}

func unescape(s string) string { return strings.ReplaceAll(s, `\'`, `'`) }

func TestViewHasTheOptionsOfTheNode(t *testing.T) {
	order, options := viewOptions(t)
	got, want := map[string][]string{}, map[string][]string{}
	for _, key := range order {
		kind, name, _ := strings.Cut(key, ".")
		got[kind] = append(got[kind], name)
	}
	for _, o := range config.Options() {
		want[o.Section] = append(want[o.Section], o.Name)
		v, ok := options[o.Section+"."+o.Name]
		if !ok {
			continue
		}
		key := o.Section + "." + o.Name
		if v.help != o.Help {
			t.Errorf("%s: help is %q, want %q", key, v.help, o.Help)
		}
		if o.List != (v.widget == "DynamicList") {
			t.Errorf("%s: is a %s, list is %t", key, v.widget, o.List)
		}
		if o.Secret && (!strings.Contains(v.body, "o.password = true;") || !strings.Contains(v.body, "o.modalonly = true;")) {
			t.Errorf("%s: a secret is shown", key)
		}
		switch v.widget {
		case "Flag":
			if !strings.Contains(v.body, "boolean(o, '"+o.Default+"')") {
				t.Errorf("%s: the default is not %q", key, o.Default)
			}
		case "ListValue":
			var words []string
			for _, m := range regexp.MustCompile(`o\.value\('(\w+)'`).FindAllStringSubmatch(v.body, -1) {
				words = append(words, m[1])
			}
			if want := strings.Split(strings.ReplaceAll(o.Allowed, " or ", ", "), ", "); !slices.Equal(words, want) {
				t.Errorf("%s: the choices are %q, want %q", key, words, want)
			}
			if key != "room.access" && !strings.Contains(v.body, "choice(o, '"+o.Default+"')") {
				t.Errorf("%s: the default is not %q", key, o.Default)
			}
		default:
			if !strings.Contains(v.body, "_('"+o.Allowed+"')") {
				t.Errorf("%s: does not say what is allowed: %s", key, o.Allowed)
			}
			if o.Default != "" && !strings.Contains(v.body, "o.placeholder = '"+o.Default+"';") {
				t.Errorf("%s: the default %q is not shown", key, o.Default)
			}
		}
	}
	for _, names := range []map[string][]string{got, want} {
		for _, list := range names {
			slices.Sort(list)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the options of the view are\n%q, want\n%q", got, want)
	}
}

func TestTemplateHasEveryString(t *testing.T) {
	used := map[string]bool{}
	for _, name := range []string{menu, acl} {
		for _, m := range regexp.MustCompile(`"(?:title|description)": "([^"]*)"`).FindAllStringSubmatch(read(t, name), -1) {
			used[m[1]] = true
		}
	}
	literal := regexp.MustCompile(`\b_\('((?:[^'\\]|\\.)*)'\)`)
	err := filepath.WalkDir("htdocs", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text := read(t, path)
		found := literal.FindAllStringSubmatch(text, -1)
		if n := len(regexp.MustCompile(`\b_\(`).FindAllString(text, -1)); n != len(found) {
			t.Errorf("%s: %d strings are to be translated, of which %d could be read", path, n, len(found))
		}
		for _, m := range found {
			used[unescape(m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	// Long strings go over several lines.
	lines := strings.ReplaceAll(read(t, template), "\"\n\"", "")
	for _, m := range regexp.MustCompile(`(?m)^msgid "(.+)"$`).FindAllStringSubmatch(lines, -1) {
		listed[m[1]] = true
	}
	if len(used) < 2*len(config.Options()) {
		t.Errorf("only %d strings were found", len(used))
	}
	for s := range used {
		if !listed[s] {
			t.Errorf("%s lacks %q", template, s)
		}
	}
	for s := range listed {
		if !used[s] {
			t.Errorf("%s has %q, which is not used", template, s)
		}
	}
}

// What runs the view without LuCI: it reads cases from its standard input and
// writes, for each, whether the view takes the value.
const judge = `
const fs = require('fs');
const options = {};
const option = (type) => class {
	constructor(section, name) { Object.assign(this, { section, option: name, type, choices: [] }); }
	value(word) { this.choices.push(word); }
	depends() {}
};
const form = { NamedSection: 0, GridSection: 0, TypedSection: 0 };
for (const type of ['Flag', 'Value', 'ListValue', 'DynamicList']) form[type] = option(type);
form.Map = class {
	section(type, ...names) {
		const kind = type === form.NamedSection && names[0] === 'main' ? 'umbrella' : names[0];
		const all = {};
		return {
			option(widget, name) { return options[kind + '.' + name] = all[name] = new widget(this, name); },
			getOption: (name) => all[name],
			formvalue: () => null
		};
	}
	async render() {}
};
const run = (path, args) => new Function(...Object.keys(args), fs.readFileSync(path, 'utf8'))(...Object.values(args));
String.prototype.format = function() { return String(this); };
const baseclass = { extend: (o) => o }, _ = (s) => s;
const values = run(process.argv[1], { baseclass });
const uci = { get: (p, s, o) => o ? undefined : { '.name': s }, sections: () => [] };
const view = run(process.argv[2], { form, uci, values, _, view: baseclass, poll: { add() {} }, rpc: { declare: () => 0 }, ui: {}, E: () => ({}) });
view.render([ {} ]).then(() => console.log(JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map(([ key, value ]) => {
	const o = options[key];
	return o.type === 'ListValue' ? o.choices.includes(value) : o.validate('x', value) === true;
}))));
`

func TestViewTakesWhatTheNodeTakes(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node to run the view")
	}
	ports := []string{"1", "65535", "0", "65536", "08083", "+1", "1e3", "8083 ", "x", "-1", "1.0", "0x10"}
	rooms := []string{"a", "A-b_c.9", ".a", "a b", "ä", "a/b", strings.Repeat("r", 64), strings.Repeat("r", 65)}
	urls := []string{
		"H/P", "192.168.1.64/a", "192.168.1.64:554/a", "h:0/a", "h:65536/a", "h:/a", "h", "/a", "", "[::1]:554/a", "[::1]/a", "[::1/a", "::1/a", "[192.168.1.1]/a",
		"u:p@h/a", "u:p%40@h/a", "u:p@q@h/a", "u:p%4@h/a", "u:p^@h/a", "u:p|@h/a", "@h/a", "h/a?b=c", "h/a?", "h/a#b", "h/a b", "h/%zz", "h/%20", "h/ä", "1.2.3/a", "1.2.3.4.5/a",
		"-h/a", "h-/a", "h_1.lan/a", "h./a", "h..lan/a", "[fe80::1%25eth0]/a", "[fe80::1%25]/a", "h:5x/a", "h/wsb", "h/x/wsb", "u@h/wsb", "h/wsb?", "h/wsb?x", "h/wsb/", "h:8081/wsb", "h/" + strings.Repeat("x", 2040),
	}
	var cameras, trunks []string
	for _, rest := range urls {
		cameras = append(cameras, "rtsp://"+rest, "rtsps://"+rest)
		trunks = append(trunks, "ws://"+rest, "WSS://"+rest)
	}
	cameras = append(cameras, "http://h/a", "rtsp:/h/a", "rtsp:h", "h/a", "RTSP://h/a")
	cases := map[string][]string{
		"umbrella.listen": {":1", ":0", ":70000", "8081", "ap.lan:8081", "192.168.1.1:8083", "[::]:8083", "[fe80::1%br-lan]:8083", "::1:8083",
			"[::1]", "192.168.1.256:8083", "224.0.0.1:8083", "239.1.1.1:8083", "240.0.0.1:8083", "[ff02::1]:8083", "[ap]:8083", "a b:8083", "x:", "0.0.0.0:8083", "1.2.3:8083", "[]:8083", "a:b:1", "192.168.01.1:8083"},
		"umbrella.prefix": {"/", "//", "/umbrella", "/umbrella/", "/a/b", "/a//b", "umbrella", "/..", "/a/.", "/...", "/a b", "/ä", "/~a-b_c.d", "/a%20b",
			"/" + strings.Repeat("a", 127), "/" + strings.Repeat("a", 128), "/" + strings.Repeat("a", 127) + "/"},
		"umbrella.tls":            {"auto", "files", "off", "Auto", "on"},
		"umbrella.log_level":      {"debug", "info", "warn", "error", "warning"},
		"umbrella.media_port":     ports,
		"umbrella.public_address": {"203.0.113.7", "::", "0.0.0.0", "2001:db8::1", "fe80::1%eth0", "224.0.0.1", "ff02::1", "ap.example.org", "ap.example.org.", "ap.", ".", "ap.example.org:80", "1.2.3", "-a", "a_b", "::ffff:1.2.3.4", "1::2::3", "12345::", "192.168.1.1/24", "FF02::1", "::ffff:0.0.0.0", "::ffff:224.0.0.1"},
		"umbrella.trusted_proxy":  {"192.168.1.0/24", "192.168.1.1", "192.168.1.0/33", "192.168.1.0/024", "192.168.1.0/", "fd00::/8", "fd00::/129", "fd00::1", "fe80::1%eth0", "ap.lan", "192.168.1/24", "::/0", "::ffff:1.2.3.4", "::ffff:1.2.3.4/95", "::ffff:1.2.3.4/96", "1.2.3.4/8/8"},
		"room.name":               rooms,
		"room.password":           {"x", "correct horse", "ä€😀", "a\tb", "a\u00a0b", "a\u200bb", "a\ufffdb", strings.Repeat("ä", 128), strings.Repeat("😀", 128), strings.Repeat("x", 129)},
		"room.access":             {"lan", "password", "token", "open", "all"},
		"room.max_participants":   {"0", "10000", "10001", "-1", "007", "1.5", "1e2", "x"},
		"backhaul.url":            trunks,
		"backhaul.secret":         {strings.Repeat("s", 15), strings.Repeat("s", 16), strings.Repeat("s", 256), strings.Repeat("s", 257), strings.Repeat("s", 16) + " s", strings.Repeat("ä", 16)},
		"backhaul.fingerprint":    {strings.Repeat("aB", 32), strings.Repeat("ab:", 31) + "ab", strings.Repeat("ab", 31), strings.Repeat("ab", 33), strings.Repeat("xy", 32), strings.Repeat("ab ", 32)},
		"backhaul.room":           slices.DeleteFunc(slices.Clone(rooms), func(s string) bool { return strings.Contains(s, " ") }), // two rooms in one line
		"camera.name":             {"Front door", strings.Repeat("ä", 64), strings.Repeat("x", 65), "a\u0007b"},
		"camera.url":              cameras,
		"camera.substream":        cameras,
		"camera.transport":        {"auto", "tcp", "udp", "UDP"},
		"camera.room":             rooms,
	}
	// What is there on the disk is for the node alone to tell.
	onDisk := []string{"umbrella.cert", "umbrella.key", "umbrella.state_dir", "backhaul.ca"}
	for _, o := range config.Options() {
		key := o.Section + "." + o.Name
		if _, ok := cases[key]; !ok && o.Allowed != "1 or 0" && !slices.Contains(onDisk, key) {
			t.Errorf("%s: no values to try", key)
		}
	}
	var input [][2]string
	for key, values := range cases {
		for _, v := range values {
			input = append(input, [2]string{key, v})
		}
	}
	in, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", judge, resources+"umbrella/values.js", settings)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var view []bool
	if err := json.Unmarshal(out, &view); err != nil || len(view) != len(input) {
		t.Fatalf("%d answers to %d cases: %v", len(view), len(input), err)
	}
	dir := t.TempDir()
	for i, c := range input {
		if node := nodeTakes(t, dir, c[0], c[1]); view[i] != node {
			t.Errorf("%s %q: the view says %t, the node says %t", c[0], c[1], view[i], node)
		}
	}
}

// nodeTakes reports whether the node has nothing against the value itself.
func nodeTakes(t *testing.T, dir, key, value string) bool {
	t.Helper()
	kind, name, _ := strings.Cut(key, ".")
	section := map[string]string{"umbrella": "main"}[kind]
	if section == "" {
		section = "x"
	}
	text := "config " + kind + " '" + section + "'\n\toption " + name + " '" + value + "'\n"
	for _, o := range config.Options() {
		if o.Section == kind && o.Name == name && o.List {
			text = strings.Replace(text, "option", "list", 1)
		}
	}
	if key == "backhaul.fingerprint" {
		text += "\toption url 'wss://h/wsb'\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "umbrella"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(dir, nil)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(problems, func(p config.Problem) bool { return p.Option == name || p.Option == "" })
}
