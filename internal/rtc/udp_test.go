package rtc

import (
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

// A peer that sends to one of several addresses gets its answer from there.
func TestAnswersLeaveFromWhereTheyWereAsked(t *testing.T) {
	c, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := c.LocalAddr().(*net.UDPAddr).Port
	stun := make([]byte, 20)
	stun[1] = 1
	for _, ip := range []string{"127.0.0.1", "127.0.0.5", "::1"} {
		peer, err := net.Dial("udp", net.JoinHostPort(ip, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if _, err := peer.Write(stun); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, from, err := c.ReadFromAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WriteToAddrPort([]byte("yes"), from); err != nil {
			t.Fatalf("%s: %v", ip, err)
		}
		if err := peer.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := peer.Read(buf); err != nil || string(buf[:n]) != "yes" {
			t.Errorf("%s: no answer from there: %v", ip, err)
		}
	}
}

func TestForgedPeersTakeBoundedMemory(t *testing.T) {
	c, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	local := netip.MustParseAddr("127.0.0.1")
	oob := c.newOutlet(netip.AddrPortFrom(local, 1), local).source
	if got, ok := destination(oob); !ok || got.Unmap() != local {
		t.Fatalf("what is written reads as %v, %v", got, ok)
	}
	for i := range 5 * maxPeers {
		c.learn(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1), oob)
	}
	if n := len(c.young) + len(c.old); n > 2*maxPeers {
		t.Errorf("%d peers are remembered", n)
	}
}

// Browsers look at ways to several of our addresses from one port of theirs, and
// go on to do so when they send media already.
func TestMediaComesInWhileOtherWaysAreLookedAt(t *testing.T) {
	c, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	local := func(ip string) []byte {
		a := netip.MustParseAddr(ip)
		return c.newOutlet(netip.AddrPortFrom(a, 1), a).source
	}
	peer := netip.MustParseAddrPort("127.0.0.9:1000")
	c.learn(peer, local("127.0.0.1"))
	settled := c.peer(peer)
	c.learn(peer, local("127.0.0.2"))
	if got := c.peer(peer).local.Unmap().String(); got != "127.0.0.2" {
		t.Errorf("answers leave from %s", got)
	}
	takes := &transport{}
	settled.transport.Store(takes) // later than the second way was looked at
	c.learn(peer, local("127.0.0.1"))
	for _, ip := range []string{"127.0.0.1", "127.0.0.2"} {
		c.learn(peer, local(ip))
		if c.peer(peer).transport.Load() != takes {
			t.Errorf("media is dropped once %s was looked at", ip)
		}
	}
}

// Whoever sends the node a lot that looks like STUN pushes out no peer that ICE
// has chosen a way to; it is forgotten when its connection is closed, or goes
// another way.
func TestSettledPeersSurviveAFlood(t *testing.T) {
	c, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	local := netip.MustParseAddr("127.0.0.1")
	oob := c.newOutlet(netip.AddrPortFrom(local, 1), local).source
	flood := func() {
		for i := range 3 * maxPeers {
			c.learn(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1), oob)
		}
	}
	a, b := netip.MustParseAddrPort("127.0.0.9:1000"), netip.MustParseAddrPort("127.0.0.9:1001")
	takes := &transport{engine: &Engine{conn: c}}
	settled := func(at netip.AddrPort) bool {
		flood()
		o := c.peer(at)
		return o != nil && o.transport.Load() == takes
	}
	c.learn(a, oob)
	takes.settle("127.0.0.9", 1000, false)
	if !settled(a) {
		t.Error("media is dropped after a flood")
	}
	c.learn(a, oob) // its next check
	if !settled(a) {
		t.Error("media is dropped after a flood and a check")
	}
	c.learn(b, oob)
	takes.settle("127.0.0.9", 1001, false)
	if settled(a) || !settled(b) {
		t.Error("the way that was left is kept, or the new one is not")
	}
	flood() // nothing is known of it any more when ICE has chosen it
	takes.settle("127.0.0.9", 1002, false)
	if !settled(netip.MustParseAddrPort("127.0.0.9:1002")) {
		t.Error("who was forgotten before ICE chose it gets no media through")
	}
	takes.close()
	takes.settle("127.0.0.9", 1001, false)
	if n := len(c.settled); n > 0 {
		t.Errorf("%d peers are kept when their connection is closed", n)
	}
}
