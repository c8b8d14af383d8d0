// Package openwrt tests what is packaged for OpenWrt.
package openwrt

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"umbrella/internal/config"
)

func packaged(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../openwrt/files/umbrella.config")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// load loads text as /etc/config/umbrella.
func load(t *testing.T, text string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "umbrella"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// A new installation does nothing until somebody enables it.
func TestPackagedSettings(t *testing.T) {
	cfg := load(t, packaged(t))
	if cfg.Main.Enabled || len(cfg.Warnings) > 0 {
		t.Errorf("got %+v, want it not enabled", cfg)
	}
	for _, b := range cfg.Backhauls {
		if b.Enabled {
			t.Errorf("backhaul %s is enabled", b.Section)
		}
	}
	for _, c := range cfg.Cameras {
		if c.Enabled {
			t.Errorf("camera %s is enabled", c.Section)
		}
	}
	if len(cfg.Backhauls) != 1 || len(cfg.Cameras) != 1 {
		t.Errorf("got %d backhauls and %d cameras, want an example of each", len(cfg.Backhauls), len(cfg.Cameras))
	}
}

// One command is all that a trunk takes:
//
//	uci set umbrella.backhaul.url='wss://…/wsb'
func TestTrunkByOneOption(t *testing.T) {
	text := strings.Replace(packaged(t), "config backhaul 'backhaul'\n", "config backhaul 'backhaul'\n\toption url 'wss://cloud.example.org/wsb'\n", 1)
	if b := load(t, text).Backhauls[0]; !b.Enabled || b.Section != "backhaul" || b.URL != "wss://cloud.example.org/wsb" {
		t.Errorf("got %v", b)
	}
}

// Every option is in the file, in its section, explained, and with its default
// if it is a comment; and the file stays valid when a comment becomes a line.
func TestEveryOptionIsPackaged(t *testing.T) {
	text := packaged(t)
	sections := map[string]string{}
	header := regexp.MustCompile(`(?m)^#?config (\w+)`)
	starts := header.FindAllStringSubmatchIndex(text, -1)
	for i, s := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		sections[text[s[2]:s[3]]] = text[s[0]:end]
	}
	count := 0
	for _, o := range config.Options() {
		keyword := "option"
		if o.List {
			keyword = "list"
		}
		line := regexp.MustCompile(`(?m)^\t# .+\n\t(#?)` + keyword + ` ` + o.Name + ` '(.*)'$`).FindStringSubmatch(sections[o.Section])
		if line == nil {
			t.Errorf("%s %s is not in the section %s, or not explained", keyword, o.Name, o.Section)
			continue
		}
		count++
		if line[1] == "#" && line[2] != o.Default && o.Default != "" {
			t.Errorf("%s %s: the file says %q, the default is %q", o.Section, o.Name, line[2], o.Default)
		}
		if line[1] == "#" {
			before := text
			text = strings.Replace(text, sections[o.Section], strings.Replace(sections[o.Section], "\t#"+keyword+" "+o.Name+" ", "\t"+keyword+" "+o.Name+" ", 1), 1)
			if text == before {
				t.Fatalf("%s %s is not where it was found", o.Section, o.Name)
			}
			if o.Section != "room" && !(o.Section == "backhaul" && o.Name == "enabled") {
				load(t, text)
			}
			text = before
		}
	}
	if lines := regexp.MustCompile(`(?m)^\t#?(option|list) `).FindAllString(text, -1); len(lines) != count {
		t.Errorf("the file has %d options, there are %d", len(lines), count)
	}
}
