package luci_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	catalogues = "../../luci-app-umbrella/po/"
	template   = catalogues + "templates/umbrella.pot"
)

// go test ./test/luci -update writes the template anew, and adds to each language what
// it lacks.
var update = flag.Bool("update", false, "write the catalogues")

var (
	variable = regexp.MustCompile(`\b_\((?:of\.template|said)\)`)
	literal  = regexp.MustCompile(`\b_\('((?:[^'\\]|\\.)*)'\)`)
	titled   = regexp.MustCompile(`"(?:title|description)": "([^"]*)"`)
)

// literals returns the strings of the app that are to be translated, and where they
// are, as "path:line".
func literals(t *testing.T) map[string][]string {
	t.Helper()
	used := map[string][]string{}
	look := func(path string, pattern *regexp.Regexp) {
		for i, line := range strings.Split(read(t, path), "\n") {
			found := pattern.FindAllStringSubmatch(line, -1)
			if pattern == literal && len(regexp.MustCompile(`\b_\(`).FindAllString(line, -1)) != len(found) {
				// Not of words that the node sends: words.js lists what these may be.
				if !variable.MatchString(line) {
					t.Errorf("%s: %q: not all that is to be translated could be read", path, line)
				}
			}
			for _, m := range found {
				words := strings.ReplaceAll(m[1], `\'`, `'`)
				used[words] = append(used[words], fmt.Sprintf("%s:%d", strings.TrimPrefix(path, "../../luci-app-umbrella/"), i+1))
			}
		}
	}
	for name := range scripts(t) {
		look(resources+name+".js", literal)
	}
	look(menu, titled)
	look(acl, titled)
	return used
}

type translated struct{ words, translation string }

// catalogue returns the strings of a file of gettext without its header.
func catalogue(t *testing.T, path string) []translated {
	t.Helper()
	// Long strings go over several lines.
	text := strings.ReplaceAll(read(t, path), "\"\n\"", "")
	var list []translated
	for _, m := range regexp.MustCompile(`(?m)^msgid "(.+)"\nmsgstr "(.*)"$`).FindAllStringSubmatch(text, -1) {
		list = append(list, translated{strings.ReplaceAll(m[1], `\"`, `"`), strings.ReplaceAll(m[2], `\"`, `"`)})
	}
	return list
}

func writeCatalogue(t *testing.T, path, header string, used map[string][]string, known []translated) {
	t.Helper()
	translations := map[string]string{}
	for _, k := range known {
		translations[k.words] = k.translation
	}
	var b strings.Builder
	fmt.Fprintf(&b, "msgid \"\"\nmsgstr %s\n", header)
	quote := strings.NewReplacer(`"`, `\"`)
	order := slices.SortedFunc(maps.Keys(used), func(a, b string) int {
		return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
	})
	for _, words := range order {
		b.WriteString("\n")
		for _, place := range slices.Sorted(slices.Values(used[words])) {
			fmt.Fprintf(&b, "#: %s\n", place)
		}
		fmt.Fprintf(&b, "msgid \"%s\"\nmsgstr \"%s\"\n", quote.Replace(words), quote.Replace(translations[words]))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

const header = `"Content-Type: text/plain; charset=UTF-8"`

func TestTemplateHasEveryString(t *testing.T) {
	used := literals(t)
	if *update {
		writeCatalogue(t, template, header, used, nil)
	}
	if len(used) < 2*len(viewOptions(t)) {
		t.Errorf("only %d strings were found", len(used))
	}
	listed := map[string]bool{}
	for _, k := range catalogue(t, template) {
		listed[k.words] = true
	}
	for words := range used {
		if !listed[words] {
			t.Errorf("%s lacks %q: go test ./test/luci -update", template, words)
		}
	}
	for words := range listed {
		if used[words] == nil {
			t.Errorf("%s has %q, which is not used: go test ./test/luci -update", template, words)
		}
	}
}
