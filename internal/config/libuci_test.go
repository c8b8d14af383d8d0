package config

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The node reads a settings file as libuci does, which LuCI and `uci` read it by, or
// refuses it in words. testdata/libuci.txt holds files and what libuci made of them.
func TestReadsAsLibuci(t *testing.T) {
	f, err := os.Open("testdata/libuci.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	count := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		quotedText, want, _ := strings.Cut(lines.Text(), "\t")
		text, err := strconv.Unquote(quotedText)
		if err != nil {
			t.Fatal(err)
		}
		got := "refused"
		if sections, problems := parsePackage("umbrella", text); len(problems) == 0 {
			got = summary(sections)
		}
		if want == "stricter" {
			want = "refused"
		}
		if got != want {
			t.Errorf("%.200q is %s, want %s", text, got, want)
		}
		count++
	}
	if err := lines.Err(); err != nil || count < 200 {
		t.Errorf("%d files were tried: %v", count, err)
	}
}

// summary lists sections as testdata/libuci.txt does.
func summary(sections []*section) string {
	var parts []string
	for _, s := range sections {
		head := s.name
		if s.unnamed {
			head = ""
		}
		var options []string
		for _, o := range Options() {
			if values := s.entries[o.Name].values; o.Section == s.kind && slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
				options = append(options, fmt.Sprintf("%s=%q", o.Name, values))
			}
		}
		parts = append(parts, head+","+s.kind+" "+strings.Join(options, " "))
	}
	return strings.Join(parts, "|")
}
