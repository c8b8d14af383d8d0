package node

import (
	"testing"
	"time"

	"umbrella/internal/memory"
	"umbrella/test/peer"
)

// Every limit is shown by one name, with what is used of it.
func TestLimitsAreShown(t *testing.T) {
	n := startNode(t, settings(t, ""))
	cfg := n.cfg.Load()
	a := join(t, cfg, &peer.Peer{Name: "Ada"})
	b := join(t, cfg, &peer.Peer{Name: "Bob"})
	a.Play(t.Context(), 10*time.Millisecond)
	gets(t, b, a)
	used := map[string]int64{}
	for _, l := range n.status().Limits {
		if _, twice := used[l.Name]; twice || l.Name == "" || l.Description == "" {
			t.Errorf("%q is there twice, or has no words", l.Name)
		}
		used[l.Name] = l.Used
	}
	for name, least := range map[string]int64{
		"history": 1000, "rooms": 1, "room_participants": 2, "room_tracks": 2, "subscribed_lines": 2, "websockets": 2, "web_connections": 2,
		"memory": 0, "media_connections": 0, "media_addresses": 2, "requests": 0, "joins": 0, "offers": 0, "relay_connections": 0, "trunk_handshakes": 0,
		"large_messages": 0,
	} {
		if got, ok := used[name]; !ok || got < least {
			t.Errorf("%s: %d, want at least %d (%v)", name, got, least, ok)
		}
	}
}

// On a machine of 128 MiB the budgets are what the documents say.
func TestBudgetsOfASmallMachine(t *testing.T) {
	n := startNode(t, settings(t, ""))
	n.setBudgets(&memory.Admission{Read: func() memory.Figures { return memory.Figures{Limit: 64 << 20} }})
	if h, l := n.sfu.Histories.Pool.Most(), n.lines.Pool.Most(); h != 16<<20 || l != 819 {
		t.Errorf("%d bytes of history and %d m-lines", h, l)
	}
}
