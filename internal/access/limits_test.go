package access

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"umbrella/internal/bound"
	"umbrella/internal/config"
)

func TestJoinsOfAnAddress(t *testing.T) {
	g := &Gate{}
	g.SetRooms(nil, config.AccessOpen)
	for i := range joinBurst {
		if _, err := g.Admit(request("192.0.2.1:1"), "x", Credentials{}); err != nil {
			t.Fatalf("number %d: %v", i, err)
		}
	}
	// A join is about as quick as one is earned.
	late := 0
	for range 100 {
		if _, err := g.Admit(request("192.0.2.1:1"), "x", Credentials{}); wait(err) > 0 {
			late++
		}
	}
	if late < 90 {
		t.Errorf("%d of 100 have to wait", late)
	}
	if _, err := g.Admit(request("192.0.2.2:1"), "x", Credentials{}); err != nil {
		t.Error("somebody else: ", err)
	}
}

// One who has a /48 of IPv6 is more than one client, and not as many as there are in it.
func TestNetworkOfClients(t *testing.T) {
	g := &Gate{}
	g.SetRooms(nil, config.AccessOpen)
	counts := map[string]int{}
	try := func(origin string) {
		from := "[" + origin + "::1]:1"
		if _, err := g.Admit(request(from), "x", Credentials{}); err == nil {
			counts["joins"]++
		}
		if _, err := g.OpenSocket(request(from)); err == nil {
			counts["sockets"]++
		}
		if _, ok := g.Connect(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))); ok {
			counts["connections"]++
		}
	}
	const each = 10
	for i := range 1000 {
		for range each {
			try(fmt.Sprintf("2001:db8:1:%x", i))
		}
	}
	most := bound.Descriptors() / 2
	if n := counts["sockets"]; n != 4*maxSockets {
		t.Errorf("%d sockets", n)
	}
	if n := counts["connections"]; n != min(4*maxConns, 1000*each, most/2) {
		t.Errorf("%d connections", n)
	}
	if n := counts["joins"]; n < 4*joinBurst || n > 4*joinBurst+4*joinsPerSecond*60 {
		t.Errorf("%d joins", n)
	}
	was := counts["joins"] + counts["sockets"] + counts["connections"]
	try("2001:db8:2:0")
	if is := counts["joins"] + counts["sockets"] + counts["connections"]; is != was+3 {
		t.Errorf("of somebody else: %d of 3", is-was)
	}
}

func TestRequestsAndOffersOfAnAddress(t *testing.T) {
	g := &Gate{}
	for what, c := range map[string]struct {
		burst int
		may   func(address string) error
	}{
		"requests": {requestBurst, func(a string) error { return g.Request(request(a + ":1")) }},
		"offers":   {offerBurst, func(a string) error { return g.Offer(bound.Origin(netip.MustParseAddr(a))) }},
	} {
		for i := range c.burst {
			if err := c.may("192.0.2.1"); err != nil {
				t.Fatalf("%s: number %d: %v", what, i, err)
			}
		}
		var late atomic.Int32
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if wait(c.may("192.0.2.1")) > 0 {
					late.Add(1)
				}
			})
		}
		all.Wait()
		if late.Load() < 50 {
			t.Errorf("%s: %d of 100 have to wait", what, late.Load())
		}
		if err := c.may("192.0.2.2"); err != nil {
			t.Errorf("%s: somebody else: %v", what, err)
		}
	}
}

func TestSocketsOfAnAddress(t *testing.T) {
	g := &Gate{}
	var release []func()
	for range maxSockets {
		r, err := g.OpenSocket(request("192.0.2.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		release = append(release, r)
	}
	if _, err := g.OpenSocket(request("192.0.2.1:2")); !errors.Is(err, ErrTooManySockets) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := g.OpenSocket(request("192.0.2.2:1")); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	release[0]()
	if _, err := g.OpenSocket(request("192.0.2.1:2")); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
}

func TestConnectionsOfAnAddress(t *testing.T) {
	g := &Gate{}
	g.SetTrustedProxies(prefixes("10.0.0.1/32"))
	from := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	var last func()
	most := bound.Descriptors() / 2
	for range min(maxConns, most/4) {
		release, ok := g.Connect(from("192.0.2.1:1"))
		if !ok {
			t.Fatal("too few")
		}
		last = release
	}
	if _, ok := g.Connect(from("192.0.2.1:1")); ok {
		t.Error("one too many")
	}
	last()
	last() // twice is once
	if _, ok := g.Connect(from("192.0.2.1:1")); !ok {
		t.Error("after one was closed")
	}
	if _, ok := g.Connect(from("192.0.2.1:1")); ok {
		t.Error("one too many, again")
	}
	taken := min(maxConns, most/4)
	for range most - taken {
		if _, ok := g.Connect(from("10.0.0.1:1")); !ok {
			t.Fatal("a proxy is bounded as one address")
		}
	}
	for _, addr := range []string{"10.0.0.1:1", "192.0.2.9:1"} {
		if _, ok := g.Connect(from(addr)); ok {
			t.Errorf("%s: more than all may have", addr)
		}
	}
}
