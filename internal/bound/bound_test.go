package bound

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func origin(s string) netip.Prefix { return Origin(netip.MustParseAddr(s)) }

func TestOrigin(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := origin(addr).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if Origin(netip.Addr{}).IsValid() {
		t.Error("nobody has an origin")
	}
	for from, want := range map[net.Addr]string{
		&net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 5}:                  "192.0.2.1",
		&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 5}:      "fe80::1",
		net.UDPAddrFromAddrPort(netip.MustParseAddrPort("[2001:db8::1]:80")): "2001:db8::1",
		&net.UnixAddr{Name: "/x"}:                                            "invalid IP",
	} {
		if got := Peer(from).String(); got != want {
			t.Errorf("%v: %s, want %s", from, got, want)
		}
	}
}

func TestCounter(t *testing.T) {
	var c Counter
	a, b := origin("192.0.2.1"), origin("192.0.2.2")
	var release []func()
	add := func(o netip.Prefix) bool {
		r, ok := c.Add(o, 2, 3)
		if ok {
			release = append(release, r)
		}
		return ok
	}
	for i, want := range []bool{true, true, false} {
		if add(a) != want {
			t.Errorf("number %d of one: not %t", i, want)
		}
	}
	if !add(b) || add(b) {
		t.Error("not three in all")
	}
	release[0]()
	release[0]() // twice is once
	if !add(b) || add(b) || add(a) {
		t.Error("not one more after one was released")
	}
	for range 10 {
		if _, ok := new(Counter).Add(a, 0, 0); !ok {
			t.Error("0 is a bound")
		}
	}
	for _, r := range release {
		r()
	}
	if len(c.of) != 0 || c.all != 0 {
		t.Errorf("%d remain of %d origins", c.all, len(c.of))
	}
}

func TestRates(t *testing.T) {
	const perSecond, burst = 20, 300
	r := &Rates{}
	addr := netip.MustParseAddr("192.0.2.1")
	let := 0
	for i := range 10 * burst {
		if r.Allow(Origin(addr), perSecond, burst, t0.Add(time.Duration(i)*time.Millisecond)) {
			let++
		}
	}
	if want := burst + perSecond*burst*10/1000; let < want-1 || let > want+1 {
		t.Errorf("%d in 3 s, not %d", let, want)
	}
	for range 2 * MaxOrigins {
		addr = addr.Next()
		if !r.Allow(Origin(addr), perSecond, burst, t0) {
			t.Fatal("somebody else may not")
		}
	}
	if len(r.by) > MaxOrigins {
		t.Errorf("%d origins are remembered", len(r.by))
	}
}

// network are 1000 origins of one /48.
func network() (list []netip.Prefix) {
	for i := range 1000 {
		list = append(list, origin(fmt.Sprintf("2001:db8:1:%x::1", i)))
	}
	return list
}

// One who has a /48 is more than one client, and not as many as there are in it.
func TestNetwork(t *testing.T) {
	for o, want := range map[netip.Prefix]string{
		origin("2001:db8:1:2::1"): "2001:db8:1::/48", origin("192.0.2.1"): "invalid Prefix", {}: "invalid Prefix",
		netip.MustParsePrefix("2001:db8:1::/48"): "invalid Prefix",
	} {
		if got, ok := Network(o); got.String() != want || ok != (want != "invalid Prefix") {
			t.Errorf("%v: %v, want %s", o, got, want)
		}
	}
	other, all := origin("2001:db8:2::1"), network()
	for _, c := range []struct{ mostOfOne, most, want int }{{3, 0, 12}, {3, 100, 12}, {30, 100, 50}, {80, 100, 80}, {0, 2000, 1000}} {
		var counter Counter
		var release []func()
		for _, o := range all {
			if r, ok := counter.Add(o, c.mostOfOne, c.most); ok {
				release = append(release, r)
			}
		}
		if len(release) != c.want {
			t.Errorf("%+v: %d", c, len(release))
		}
		if _, ok := counter.Add(other, c.mostOfOne, c.most); !ok {
			t.Errorf("%+v: somebody else may not", c)
		}
		release[0]()
		if _, ok := counter.Add(all[999], c.mostOfOne, c.most); !ok {
			t.Errorf("%+v: not one more after one was released", c)
		}
	}

	r, let := &Rates{}, 0
	for range 10 {
		for _, o := range all {
			if r.Allow(o, 20, 300, t0) {
				let++
			}
		}
	}
	if let != 4*300 || !r.Allow(other, 20, 300, t0) {
		t.Errorf("%d at once", let)
	}
	if r.Allow(all[0], 20, 300, t0) || !r.Allow(all[0], 20, 300, t0.Add(time.Second)) {
		t.Error("not once more a second later")
	}
	// One who does more than it may takes nothing away from its network.
	r, let = &Rates{}, 0
	for range 10_000 {
		r.Allow(all[0], 20, 300, t0)
	}
	for _, o := range all[1:] {
		if r.Allow(o, 20, 300, t0) {
			let++
		}
	}
	if let != 4*300-300 {
		t.Errorf("beside one who does too much, %d", let)
	}

	s := Strangers{Most: 100, MostOfOne: 10}
	out := map[netip.Prefix]int{}
	for _, o := range append([]netip.Prefix{other}, all...) {
		s.Add(o, false, func() { out[o]++ })
	}
	if out[other] != 0 || len(out) != 1000-40 {
		t.Errorf("%d of the /48 and %d of somebody else are turned out", len(out), out[other])
	}
	shared := s.Add(all[0], true, func() {})
	if shared(); len(out) != 1000-40 {
		t.Error("one that is shared counts for its /48")
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"": "", "room": "room", "roooom": "rooo…", "roo\u00e9m": "roo…",
		"a\nb\t": "a b", "\x1b[1": "[1", "\u202eb": "b", "\u009bx": "x", "\xff\xfex": "x", "  ": "",
	} {
		if got := Text(in, 4); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestStrangers(t *testing.T) {
	s := &Strangers{Most: 5, MostOfOne: 2}
	var out []string
	known := map[string]func(){}
	add := func(name, from string, shared bool) {
		known[name] = s.Add(origin(from), shared, func() { out = append(out, name) })
	}
	is := func(want ...string) {
		t.Helper()
		if !slices.Equal(out, want) {
			t.Fatalf("%q are turned out, not %q", out, want)
		}
		out = nil
	}
	add("a1", "192.0.2.1", false)
	add("b1", "2001:db8::1", false)
	add("b2", "2001:db8::2", false)
	add("b3", "2001:db8::3", false)
	is("b1") // of the same /64, though a1 is older
	add("p1", "10.0.0.1", true)
	add("p2", "10.0.0.1", true)
	is()
	add("p3", "10.0.0.1", true)
	is("a1") // there are five, and it is the oldest
	known["b2"]()
	known["b2"]()
	known["a1"]() // it is out already
	add("c1", "192.0.2.3", false)
	is() // one has made itself known
	add("c2", "192.0.2.3", false)
	is("b3")
	for _, k := range known {
		k()
	}
	if s.all.Len() != 0 || len(s.of) != 0 {
		t.Errorf("%d remain, of %d origins", s.all.Len(), len(s.of))
	}
}

// failing is a listener that has no descriptor left at times.
type failing struct {
	net.Listener
	mu   sync.Mutex
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left > 0 {
		f.left--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: fmt.Errorf("accept4: %w", syscall.EMFILE)}
	}
	return f.Listener.Accept()
}

func TestListenerGoesOn(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var c Counter
	l := NewListener(&failing{Listener: plain, left: 3}, func(from net.Addr) (func(), bool) { return c.Add(Origin(Peer(from)), 1, 0) },
		slog.New(slog.DiscardHandler))
	dial := func() net.Conn {
		t.Helper()
		d, err := net.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	dial()
	first, err := l.Accept()
	if err != nil {
		t.Fatalf("after three errors: %v", err)
	}
	tooMany := dial()
	ended := make(chan error, 1)
	go func() {
		second, err := l.Accept()
		if err == nil {
			err = second.Close()
		}
		ended <- err
	}()
	if _, err := tooMany.Read(make([]byte, 1)); err == nil {
		t.Error("one too many is served")
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	dial()
	if err := <-ended; err != nil {
		t.Errorf("after one was closed: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Closed while it waits for a descriptor.
func TestListenerEndsInAPause(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(&failing{Listener: plain, left: 1 << 30}, nil, slog.New(slog.DiscardHandler))
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
