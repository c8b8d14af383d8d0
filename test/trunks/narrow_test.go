package trunks

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"umbrella/test/netns"
)

// A path that carries packets of up to 1280 bytes, and whose router must not say so:
// as Tailscale and WireGuard make it where ICMP is dropped (pion/sctp#476). Whatever
// is larger and may not be cut vanishes there.
func TestPathThatCarriesOnlySmallPackets(t *testing.T) {
	camera := buildCamera(t)
	for name, secure := range map[string]bool{"IPv4": false, "IPv6 and TLS": true} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t, 2)
			w.secure = secure
			ap, cloud := w.nodes[0], w.nodes[1]
			tooLarge := w.narrowPath(ap, cloud)
			cloud.watchCamera("127.0.0.1")
			cloud.runCamera(camera, "127.0.0.1")
			w.start()
			ap.people.join("Ada", false)
			// Programs that publish by WHIP may send packets of any size. Over IPv6 no
			// router cuts them.
			large := "Bob"
			if r := cloud.people.ask(order{Join: large, Large: !secure}); r.Problem != "" {
				t.Fatal(r.Problem)
			}
			w.sees("Ada", ap, "Bob", "Door")
			for range 3 {
				w.plays("Ada", ap, "Door", 10*time.Second)
				w.plays("Ada", ap, large, 10*time.Second)
			}
			w.plays("Bob", cloud, "Ada", 10*time.Second)
			if n := tooLarge(); n > 0 {
				t.Errorf("the router had to drop %d packets", n)
			}
		})
	}
}

// narrowPath joins two nodes by a router behind which there are only 1280 bytes, and
// has a dial b. It returns how many packets the router has dropped for their size.
func (w *network) narrowPath(a, b *node) (tooLarge func() int) {
	w.t.Helper()
	router := &node{net: w, name: w.name + "-r", number: len(w.nodes)}
	router.space = netns.New(w.t, router.name)
	router.space.Sysctl("net.ipv4.ip_forward", "1")
	router.space.Sysctl("net.ipv6.conf.all.forwarding", "1")
	nodes := w.nodes
	w.nodes = []*node{a, router, b}
	near, far := w.cable(0, 1), w.cable(1, 2)
	w.nodes = nodes
	address := (*link).address
	if w.secure {
		address = (*link).address6
	}
	a.space.IP("route", "add", address(far, "b"), "via", address(near, "b"))
	b.space.IP("route", "add", address(near, "a"), "via", address(far, "a"))
	// Of the routes and not of the interfaces: those would drop before it could cut.
	router.space.IP("route", "add", address(near, "a"), "dev", near.dev("b"), "mtu", "lock", "1280")
	router.space.IP("route", "add", address(far, "b"), "dev", far.dev("a"), "mtu", "lock", "1280")
	router.space.NFT(`table inet silent {
	counter dropped { }
	chain out {
		type filter hook output priority 0
		icmp type destination-unreachable counter name dropped drop
		icmpv6 type packet-too-big counter name dropped drop
	}
}`)
	if w.secure {
		a.dials = append(a.dials, func() {
			a.backhaul("far", "wss://["+far.address6("b")+"]:8081/wsb", secret, "fingerprint", fingerprint(w.t, b.caFile()))
		})
	} else {
		a.backhaul("far", "ws://"+far.address("b")+":8081/wsb", secret)
	}
	return func() int {
		out, err := router.space.Command("nft", "list", "counters").CombinedOutput()
		m := regexp.MustCompile(`packets (\d+)`).FindSubmatch(out)
		if err != nil || m == nil {
			w.t.Fatalf("%v: %s", err, out)
		}
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
}
