package luci_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/config"
	"umbrella/internal/prepare"
)

const (
	resources = "../../luci-app-umbrella/htdocs/luci-static/resources/"
	menu      = "../../luci-app-umbrella/root/usr/share/luci/menu.d/luci-app-umbrella.json"
	acl       = "../../luci-app-umbrella/root/usr/share/rpcd/acl.d/luci-app-umbrella.json"
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
		"LUCI_DEPENDS:=+luci-base +luci-lib-uqr +umbrella",
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
		if filepath.Ext(path) == ".css" {
			return nil
		}
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
	// One file, which is written for it before the node starts.
	const refused = "/var/run/umbrella/" + prepare.Refused
	if !reflect.DeepEqual(g.Read.File, map[string][]string{refused: {"read"}}) || len(g.Write.File) > 0 {
		t.Errorf("%s: allows the files %v and %v", acl, g.Read.File, g.Write.File)
	}
	script := read(t, "../../openwrt/files/umbrella.init")
	if !strings.Contains(scripts(t)["umbrella/service"], "callFileRead('"+refused+"')") ||
		!strings.Contains(script, "\nRUN=/var/run/umbrella\n") {
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
		// An address of before, which is in no menu.
		if to, ok := entries[e.Action.Path]; e.Action.Type == "alias" && e.Title == "" && ok && to.Action.Type == "view" {
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
	luci := []string{"baseclass", "dom", "form", "poll", "rpc", "uci", "ui", "uqr", "view"}
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

// Each option of the node is on a page, with a title and help of its own, its default
// and its choices, and a refusal says what the node would say.
func TestViewHasTheOptionsOfTheNode(t *testing.T) {
	options := viewOptions(t)
	got, want := slices.Sorted(maps.Keys(options)), []string{}
	for _, o := range config.Options() {
		key := o.Section + "." + o.Name
		want = append(want, key)
		v, ok := options[key]
		if !ok {
			continue
		}
		if v.Title == "" || v.Help == "" {
			t.Errorf("%s: has the title %q and the help %q", key, v.Title, v.Help)
		}
		if o.List != (v.Widget == "DynamicList") {
			t.Errorf("%s: is a %s, list is %t", key, v.Widget, o.List)
		}
		if (v.Tab != "") != (o.Section == "umbrella") {
			t.Errorf("%s: is in the tab %q", key, v.Tab)
		}
		// Those of the node stand in no table.
		if o.Secret && (!v.Password || v.InTable && o.Section != "umbrella") {
			t.Errorf("%s: a secret is shown", key)
		}
		switch v.Widget {
		case "Flag":
			if v.ByDefault != o.Default {
				t.Errorf("%s: the default is %q, want %q", key, v.ByDefault, o.Default)
			}
		case "ListValue":
			var words []string
			for _, choice := range v.Choices {
				if choice[0] != "" {
					words = append(words, choice[0])
				}
			}
			if want := strings.Split(strings.ReplaceAll(o.Allowed, " or ", ", "), ", "); !slices.Equal(words, want) {
				t.Errorf("%s: the choices are %q, want %q", key, words, want)
			}
			if key != "room.access" && v.ByDefault != o.Default {
				t.Errorf("%s: the default is %q, want %q", key, v.ByDefault, o.Default)
			}
		default:
			// What is too long for a line goes over several.
			if said := strings.ReplaceAll(v.Refusal, "\n", " "); said != "Expecting: "+o.Allowed && !strings.HasPrefix(o.Allowed, "the path of a ") {
				t.Errorf("%s: a refusal says %q, want %q", key, said, o.Allowed)
			}
			if o.Default != "" && v.Placeholder != o.Default {
				t.Errorf("%s: the default %q is not shown, but %q", key, o.Default, v.Placeholder)
			}
		}
		if strings.Contains(o.Allowed, "0 (no limit)") && !strings.Contains(v.Help, "0 means no limit.") {
			t.Errorf("%s: the help does not say what 0 means: %q", key, v.Help)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the options of the views are\n%q, want\n%q", got, want)
	}
}

// People know the titles of the page, not the names of options in the settings file:
// no words of the pages have such a name, and what is between quotation marks is a
// title, a choice or a page.
func TestPagesCallOptionsByTheirTitles(t *testing.T) {
	_, options := run(t, nil)
	known := map[string]bool{"%s": true}
	for _, o := range options {
		known[o.Title] = true
		for _, choice := range o.Choices {
			known[choice[1]] = true
		}
	}
	for _, m := range regexp.MustCompile(`"title": "([^"]*)"`).FindAllStringSubmatch(read(t, menu), -1) {
		known[m[1]] = true
	}
	names := []string{"url", "tls"}
	for _, o := range config.Options() {
		if strings.Contains(o.Name, "_") {
			names = append(names, o.Name)
		}
	}
	name := regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)\b|\boption '|\bbackhaul|\b[Pp]eers?\b`)
	quoted := regexp.MustCompile(`“([^”]*)”`)
	for words := range literals(t) {
		if m := name.FindString(words); m != "" {
			t.Errorf("%q has the name %q, which is not a title of the page", words, m)
		}
		for _, m := range quoted.FindAllStringSubmatch(words, -1) {
			if !known[m[1]] {
				t.Errorf("%q: there is no title “%s”", words, m[1])
			}
		}
	}
}
