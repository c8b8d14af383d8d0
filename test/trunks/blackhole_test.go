package trunks

import (
	"os"
	"testing"
	"time"

	"umbrella/test/netns"
)

// swallow has a link lose what matches a rule of nftables, silently and both ways.
func (l *link) swallow(table, rule string) {
	l.net.t.Helper()
	nft := func(args ...string) {
		netns.Must(l.net.t, "ip", append([]string{"netns", "exec", l.a.name, "nft"}, args...)...)
	}
	nft("add", "table", "inet", table)
	for hook, dev := range map[string]string{"input": "iifname", "output": "oifname"} {
		nft("add", "chain", "inet", table, hook, "{ type filter hook "+hook+" priority 0; }")
		nft("add", "rule", "inet", table, hook, dev+" "+l.dev("a")+" "+rule+" drop")
	}
}

// carry ends what swallow began.
func (l *link) carry(table string) {
	l.net.t.Helper()
	netns.Must(l.net.t, "ip", "netns", "exec", l.a.name, "nft", "delete", "table", "inet", table)
}

// outage is how long a link is out: usual, or what UMBRELLA_TEST_OUTAGE says, such as
// 60s.
func outage(t *testing.T, usual time.Duration) time.Duration {
	t.Helper()
	s := os.Getenv("UMBRELLA_TEST_OUTAGE")
	if s == "" {
		return usual
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A link that loses everything, with all addresses and routes still there, is what
// an outage of a provider looks like: nothing says that it is down, or up again.
func TestLinkSwallowsEverythingForAWhile(t *testing.T) {
	while := outage(t, 8*time.Second)
	for name, blocked := range map[string]bool{"with UDP": false, "where UDP is blocked": true} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t, 2)
			wan := w.link(0, 1)
			ap, cloud := w.nodes[0], w.nodes[1]
			if blocked {
				wan.swallow("blocked", "meta l4proto udp")
			}
			w.start()
			ap.people.join("Ada", false)
			ap.people.join("Eve", false)
			cloud.people.join("Bob", false)
			w.plays("Eve", ap, "Bob", 20*time.Second)
			// The moment at which it comes back falls anywhere between two attempts.
			for i := range 2 {
				wan.swallow("outage", "")
				began := time.Now()
				w.sees("Eve", ap, "Ada") // Bob is gone
				time.Sleep(while + time.Duration(i)*600*time.Millisecond - time.Since(began))
				wan.carry("outage")
				back := netns.Eventually(t, 20*time.Second, "Bob is back", func() bool { return ap.people.report().Views["Eve"].Seen["Bob"] == 1 })
				back += w.plays("Eve", ap, "Bob", 10*time.Second)
				t.Logf("back after %v", back)
				if back > 5*time.Second {
					t.Errorf("the far side was back after %v", back)
				}
			}
		})
	}
}
