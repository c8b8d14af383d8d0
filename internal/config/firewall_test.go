package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A firewall as OpenWrt ships it, with networks for guests and devices.
const firewall = `
config defaults
	option input 'REJECT'
	option output 'ACCEPT'

config zone
	option name 'lan'
	list network 'lan'
	option input 'ACCEPT'

config zone
	option name 'wan'
	option network 'wan wan6'
	option input 'REJECT'

config zone 'guest'
	option input REJECT
	option name guest
	list network guest

config zone
	option name 'iot'
	option device 'br-iot'

config zone
	option name 'empty'

config rule
	option name 'Allow-Ping'
	option src 'wan'
`

func withFirewall(t *testing.T, settings, firewall string) string {
	t.Helper()
	dir := write(t, settings)
	if err := os.WriteFile(filepath.Join(dir, "firewall"), []byte(firewall), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestZones(t *testing.T) {
	got, known := Zones(withFirewall(t, "", firewall))
	want := []Zone{
		{Name: "lan", Networks: []string{"lan"}, Open: true},
		{Name: "wan", Networks: []string{"wan", "wan6"}},
		{Name: "guest", Networks: []string{"guest"}},
		{Name: "iot", Devices: []string{"br-iot"}},
		{Name: "empty"},
	}
	if !known || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, known)
	}
	got, _ = Zones(withFirewall(t, "", strings.Replace(firewall, "input 'REJECT'", "input 'ACCEPT'", 1)))
	if !got[3].Open || got[1].Open {
		t.Errorf("by a firewall that accepts: %+v", got)
	}
	for name, text := range map[string]string{"none": "", "broken": "config zone '\n", "binary": "\x00"} {
		dir := withFirewall(t, "", text)
		if name == "none" {
			dir = t.TempDir()
		}
		if got, known := Zones(dir); known {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// A zone that the firewall does not have, or that has no network, lets nobody in: the
// user is warned, once for each.
func TestZoneWarnings(t *testing.T) {
	for settings, want := range map[string][]string{
		"":                           nil,
		" list zone lan\n":           nil,
		" list zone guest\n":         nil,
		" option zone 'iot guest'\n": nil,
		" list zone wan\n":           nil,
		" option wan 1\n":            nil,
		" list zone gest\n":          {"option 'zone' lets nobody in from the zone 'gest': the firewall has none of that name, did you mean 'guest'?"},
		" list zone empty\n":         {"option 'zone' lets nobody in from the zone 'empty': it has no network, see /etc/config/firewall"},
		" list zone x\n list zone empty\n": {
			"option 'zone' lets nobody in from the zone 'x': the firewall has none of that name, known are lan, wan, guest, iot, empty",
			"option 'zone' lets nobody in from the zone 'empty': it has no network, see /etc/config/firewall",
		},
	} {
		cfg, err := Load(withFirewall(t, "config umbrella main\n"+settings, firewall), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range cfg.Warnings {
			_, w, _ = strings.Cut(w, "section 'main', ")
			got = append(got, w)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", settings, got, want)
		}
	}
	cfg, err := Load(withFirewall(t, "config umbrella main\n option wan 1\n", "config zone\n option name lan\n option network lan\n"), nil)
	if err != nil || len(cfg.Warnings) != 1 || !strings.Contains(cfg.Warnings[0], "option 'wan' lets nobody in from the zone 'wan'") {
		t.Errorf("wan without the zone: %+v, %v", cfg, err)
	}
}

// Messages name the file that people edit, not the copy that the node reads.
func TestMessagesNameTheOriginal(t *testing.T) {
	source := Source{Dir: write(t, "config umbrella main\n option cert /nowhere\n"), Original: "/etc/config/umbrella"}
	cfg, err := source.Load()
	if err != nil || len(cfg.Warnings) != 1 || !strings.HasPrefix(cfg.Warnings[0], "/etc/config/umbrella: section 'main'") {
		t.Errorf("warned of %+v, %v", cfg, err)
	}
	for _, text := range []string{"config umbrella main\n option nonsense 1\n", "config umbrella main\n option tls maybe\n", "config\n", "\x00", strings.Repeat("#", maxFileSize+1)} {
		source.Dir = write(t, text)
		if _, err := source.Load(); err == nil || !strings.HasPrefix(err.Error(), "/etc/config/umbrella: ") || strings.Contains(err.Error(), source.Dir) {
			t.Errorf("%.30q: got %v", text, err)
		}
	}
}
