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

// The file is as `uci commit` writes it: the first commit would take away everything
// else, such as comments. What options there are is in the docs and in LuCI.
func TestPackagedAsCommitted(t *testing.T) {
	text := packaged(t)
	if !regexp.MustCompile(`^(config [a-z]+ '\w+'\n(\t(option|list) [a-z_]+ '[^'\n]*'\n)*\n)+$`).MatchString(text) {
		t.Errorf("uci would write it in another way:\n%s", text)
	}
	if lines := strings.Count(text, "\n"); lines > 20 {
		t.Errorf("it has %d lines", lines)
	}
}
