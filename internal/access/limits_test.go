package access

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestJoinsOfAnAddress(t *testing.T) {
	j := &joins{}
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	let := 0
	for i := range 10 * joinBurst {
		if j.allow(one, t0.Add(time.Duration(i)*time.Millisecond)) == nil {
			let++
		}
	}
	if want := joinBurst + joinsPerSecond*joinBurst*10/1000; let < want-1 || let > want+1 {
		t.Errorf("%d joins in 3 s, not %d", let, want)
	}
	if err := j.allow(other, t0); err != nil {
		t.Error("somebody else: ", err)
	}
	addr := one
	for range 2 * maxAddresses {
		addr = addr.Next()
		_ = j.allow(addr, t0)
	}
	if len(j.by) > maxAddresses {
		t.Errorf("%d addresses are remembered", len(j.by))
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
	for range maxConns {
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
	for range 2 * maxConns {
		if _, ok := g.Connect(from("10.0.0.1:1")); !ok {
			t.Fatal("a proxy is bounded")
		}
	}
}
