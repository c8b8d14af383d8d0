package luci_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/config"
)

const (
	resources = "../../luci-app-umbrella/htdocs/luci-static/resources/"
	menu      = "../../luci-app-umbrella/root/usr/share/luci/menu.d/luci-app-umbrella.json"
	acl       = "../../luci-app-umbrella/root/usr/share/rpcd/acl.d/luci-app-umbrella.json"
	template  = "../../luci-app-umbrella/po/templates/umbrella.pot"
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
	text := read(t, "../../luci-app-umbrella/Makefile")
	for _, line := range []string{
		"include $(TOPDIR)/rules.mk",
		"LUCI_DEPENDS:=+luci-base +umbrella",
		"LUCI_PKGARCH:=all",
		"PKG_LICENSE:=Apache-2.0",
		// Else luci.mk writes a maintainer of its own into the package.
		"LUCI_MAINTAINER:=$(PKG_MAINTAINER)",
		"include $(TOPDIR)/feeds/luci/luci.mk",
		// What feeds look for, since the call itself is in luci.mk.
		"# call BuildPackage - OpenWrt buildroot signature",
	} {
		if !slices.Contains(strings.Split(text, "\n"), line) {
			t.Errorf("the Makefile lacks the line %q", line)
		}
	}
	daemon := read(t, "../../openwrt/Makefile")
	if !strings.Contains(daemon, "\nPKG_NAME:=umbrella\n") {
		t.Error("there is no package umbrella to depend on")
	}
	// luci.mk would take the version from the history of the feed.
	for _, name := range []string{"PKG_VERSION", "PKG_RELEASE", "PKG_MAINTAINER"} {
		m := regexp.MustCompile(`(?m)^` + name + `:=(.+)$`).FindStringSubmatch(daemon)
		if m == nil || !slices.Contains(strings.Split(text, "\n"), m[0]) {
			t.Errorf("%s is not that of the daemon, %q", name, m)
		}
	}
}

// scripts returns the app's scripts by their names below resources.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(resources, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, ok := strings.CutSuffix(filepath.ToSlash(path), ".js")
		if !ok {
			t.Errorf("%s is no script", path)
		}
		all[strings.TrimPrefix(name, resources)] = read(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

type rights struct {
	File map[string][]string `json:"file"`
	UCI  []string            `json:"uci"`
	Ubus map[string][]string `json:"ubus"`
}

type group struct {
	Description string
	Read, Write rights
}

func groups(t *testing.T) map[string]group {
	t.Helper()
	var all map[string]group
	decode(t, acl, &all)
	return all
}

// What changes something, or makes the node send something.
var acting = []string{"umbrella.probe", "umbrella.discover", "umbrella.kick"}

// The scripts may call what the rights allow, and the rights allow no more.
func TestRightsAreThoseOfTheCalls(t *testing.T) {
	all := groups(t)
	g, ok := all["luci-app-umbrella"]
	if !ok || len(all) != 1 || g.Description == "" {
		t.Errorf("%s: not the one group luci-app-umbrella with a description: %+v", acl, all)
	}
	declared := regexp.MustCompile(`rpc\.declare\(\{\s+object: '([\w.]+)',\s+method: '(\w+)'`)
	var reads, writes []string
	for name, text := range scripts(t) {
		found := declared.FindAllStringSubmatch(text, -1)
		if n := strings.Count(text, "rpc.declare("); n != len(found) {
			t.Errorf("%s: declares %d calls, of which %d could be read", name, n, len(found))
		}
		for _, m := range found {
			if call := m[1] + "." + m[2]; slices.Contains(acting, call) {
				writes = append(writes, call)
			} else {
				reads = append(reads, call)
			}
		}
		for _, other := range []string{"'require fs'", "'require network'", "L.rpc", "fs."} {
			if strings.Contains(text, "\n"+other) {
				t.Errorf("%s: %s needs rights of its own", name, other)
			}
		}
	}
	// One file, which the init script writes for it.
	const refused = "/var/run/umbrella/refused"
	if !reflect.DeepEqual(g.Read.File, map[string][]string{refused: {"read"}}) || len(g.Write.File) > 0 {
		t.Errorf("%s: allows the files %v and %v", acl, g.Read.File, g.Write.File)
	}
	script := read(t, "../../openwrt/files/umbrella.init")
	if !strings.Contains(scripts(t)["umbrella/service"], "callFileRead('"+refused+"')") ||
		!strings.Contains(script, "\nRUN=/var/run/umbrella\n") || !strings.Contains(script, "put refused\n") {
		t.Errorf("%s is not what is written and read", refused)
	}
	for _, c := range []struct {
		name     string
		allowed  rights
		declared []string
	}{{"read", g.Read, reads}, {"write", g.Write, writes}} {
		var allowed []string
		for object, methods := range c.allowed.Ubus {
			for _, method := range methods {
				allowed = append(allowed, object+"."+method)
			}
		}
		slices.Sort(allowed)
		slices.Sort(c.declared)
		if want := slices.Compact(c.declared); !slices.Equal(allowed, want) {
			t.Errorf("%s: %s allows %q, the scripts call %q", acl, c.name, allowed, want)
		}
		if !slices.Equal(c.allowed.UCI, []string{"umbrella"}) {
			t.Errorf("%s: %s allows the settings %q", acl, c.name, c.allowed.UCI)
		}
	}
}

func TestMenuHasEveryView(t *testing.T) {
	type action struct{ Type, Path string }
	var entries map[string]struct {
		Title   string
		Order   int
		Action  action
		Depends struct {
			ACL []string
			UCI map[string]bool
		}
	}
	decode(t, menu, &entries)
	const top = "admin/services/umbrella"
	entry, ok := entries[top]
	if !ok || entry.Title == "" || entry.Action != (action{Type: "firstchild"}) {
		t.Errorf("%s: no %s that opens its first view: %+v", menu, top, entry)
	}
	if !entry.Depends.UCI["umbrella"] || len(entry.Depends.ACL) == 0 {
		t.Errorf("%s: does not depend on the settings and the rights", menu)
	}
	all := groups(t)
	for _, name := range entry.Depends.ACL {
		if _, ok := all[name]; !ok {
			t.Errorf("%s: depends on the group %q, which %s does not have", menu, name, acl)
		}
	}
	var shown []string
	orders := map[int]string{}
	for path, e := range entries {
		if path == top {
			continue
		}
		if !strings.HasPrefix(path, top+"/") || e.Title == "" || e.Action.Type != "view" {
			t.Errorf("%s: %s is no view of the app: %+v", menu, path, e)
		}
		if other := orders[e.Order]; other != "" {
			t.Errorf("%s: %s and %s are at the same place", menu, path, other)
		}
		orders[e.Order] = path
		shown = append(shown, "view/"+e.Action.Path)
	}
	var views []string
	for name, text := range scripts(t) {
		if strings.HasPrefix(name, "view/umbrella/") {
			views = append(views, name)
		}
		for _, m := range regexp.MustCompile(`L\.url\('([^']+)'\)`).FindAllStringSubmatch(text, -1) {
			if _, ok := entries[m[1]]; !ok && m[1] != "admin/system/startup" { // LuCI's own
				t.Errorf("%s: a link to %s, which is not in the menu", name, m[1])
			}
		}
	}
	slices.Sort(shown)
	slices.Sort(views)
	if !slices.Equal(shown, views) {
		t.Errorf("%s: shows %q, there are %q", menu, shown, views)
	}
}

// The modules of LuCI that the app builds upon, and its own.
func TestModulesAreThere(t *testing.T) {
	luci := []string{"baseclass", "dom", "form", "poll", "rpc", "uci", "ui", "view"}
	required := regexp.MustCompile(`(?m)^'require ([\w.]+)(?: as (\w+))?';$`)
	all := scripts(t)
	used := map[string]bool{}
	for name, text := range all {
		for _, m := range required.FindAllStringSubmatch(text, -1) {
			module := strings.ReplaceAll(m[1], ".", "/")
			used[module] = true
			if _, ok := all[module]; !ok && !slices.Contains(luci, module) {
				t.Errorf("%s: requires %s, which is not there", name, m[1])
			}
			as := m[2]
			if as == "" {
				as = m[1]
			}
			if body := required.ReplaceAllString(text, ""); !regexp.MustCompile(`\b` + as + `\.`).MatchString(body) {
				t.Errorf("%s: requires %s and does not use it", name, m[1])
			}
		}
	}
	for name := range all {
		if strings.HasPrefix(name, "umbrella/") && !used[name] {
			t.Errorf("%s is required by none", name)
		}
	}
	if _, ok := all["view/status/include/70_umbrella"]; !ok {
		t.Error("there is no card for the status page")
	}
}

type viewOption struct{ widget, help, body string }

// viewOptions returns the options of the view by "section type.name".
func viewOptions(t *testing.T) (order []string, options map[string]viewOption) {
	t.Helper()
	section := regexp.MustCompile(`(?s)map\.section\(form\.(?:NamedSection, 'main'|GridSection), '(\w+)'.*?\n}\n`)
	option := regexp.MustCompile(`o = s\.option\(form\.(\w+), '(\w+)', _\('(?:[^'\\]|\\.)*'\), _\('((?:[^'\\]|\\.)*)'\)\);`)
	options = map[string]viewOption{}
	names := []string{"settings", "rooms", "peers", "cameras"}
	for _, name := range names {
		view := read(t, resources+"view/umbrella/"+name+".js")
		before := len(order)
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
		// Columns with live state are no options.
		n := strings.Count(view, ".option(form.") - strings.Count(view, ".option(form.DummyValue, '_")
		if n != len(order)-before {
			t.Errorf("the view %s has %d options, of which %d could be read", name, n, len(order)-before)
		}
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
		// Those of the node stand in no table.
		inTable := o.Section != "umbrella" && !strings.Contains(v.body, "o.modalonly = true;")
		if o.Secret && (!strings.Contains(v.body, "o.password = true;") || inTable) {
			t.Errorf("%s: a secret is shown", key)
		}
		switch v.widget {
		case "Flag":
			if !strings.Contains(v.body, "fields.boolean(o, '"+o.Default+"')") {
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
			if key != "room.access" && !strings.Contains(v.body, "fields.choice(o, '"+o.Default+"')") {
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
	err := filepath.WalkDir("../../luci-app-umbrella/htdocs", func(path string, entry fs.DirEntry, err error) error {
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
