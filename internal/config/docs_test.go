package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the reference into docs/openwrt.md")

// The reference in the docs is made of Options. `go test ./internal/config
// -run Docs -update` writes it.
func TestDocs(t *testing.T) {
	const path = "../../docs/openwrt.md"
	const begin, end = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the reference", path)
	}
	want := head + begin + reference() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what Options says: run the test with -update", path)
	}
}

func reference() string {
	titles := map[string]string{
		typeMain: "config umbrella 'main'", TypeRoom: "config room",
		TypeBackhaul: "config backhaul 'NAME'", TypeCamera: "config camera 'NAME'",
	}
	var b strings.Builder
	for _, kind := range SectionTypes() {
		fmt.Fprintf(&b, "### `%s`\n\n| option | default | what it is for | allowed |\n|---|---|---|---|\n", titles[kind])
		for _, o := range Options() {
			if o.Section != kind {
				continue
			}
			name, value := "`"+o.Name+"`", ""
			if o.List {
				name += " (list)"
			}
			if o.Environment != "" {
				name += "<br>`" + o.Environment + "`"
			}
			if o.Default != "" {
				value = "`" + o.Default + "`"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, value, o.Help, o.Allowed)
		}
		b.WriteString("\n")
	}
	return b.String()
}
