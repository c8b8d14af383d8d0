package reach

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// A watcher knows names once they lead somewhere, and closed interfaces from the start,
// by the zones that it is told later as well.
func TestWatcher(t *testing.T) {
	dir := t.TempDir()
	zones := "config zone\n option name lan\n option network lan\n option input ACCEPT\nconfig zone\n option name wan\n option network wan\n"
	if err := os.WriteFile(filepath.Join(dir, "firewall"), []byte(zones), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &Watcher{
		Dir: dir, Zones: []string{"lan"}, Names: func() []string { return []string{"ap.lan", "ap.local"} },
		Networks: func(context.Context) (map[string][]string, error) {
			return map[string][]string{"lan": {"br-lan"}, "wan": {"eth1"}}, nil
		},
		lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			if name == "ap.lan" {
				return []netip.Addr{netip.MustParseAddr("::ffff:192.168.1.1")}, nil
			}
			return nil, errors.New("no answer")
		},
	}
	w.Start()
	defer w.Close()
	if closed := w.Machine().Closed; len(closed) != 1 || !closed["eth1"] {
		t.Errorf("closed at the start: %v", closed)
	}
	eventually(t, "the name", func() bool {
		names := w.Machine().Names
		return len(names) == 1 && names[0].Host == "ap.lan" && names[0].Addresses[0] == netip.MustParseAddr("192.168.1.1")
	})
	w.SetZones([]string{"lan", "wan"})
	eventually(t, "the WAN is open", func() bool { return len(w.Machine().Closed) == 0 })
}
