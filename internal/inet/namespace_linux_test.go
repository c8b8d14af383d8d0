package inet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"umbrella/test/netns"
)

// TestNamespace has addresses and interfaces that come and go: it runs itself in a
// network of its own.
func TestNamespace(t *testing.T) {
	netns.Alone(t, func(t *testing.T) {
		ip(t, "link set lo up", "link add lan type veth peer name lan-peer", "link set lan-peer up", "link set lan addrgenmode none", "link set lan up")
		t.Run("flags", testFlags)
		t.Run("listen", testListen)
		t.Run("zone", testZone)
		t.Run("name", testName)
	})
}

func ip(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %s", line, out)
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// Temporary and deprecated addresses are known as such, and those of an interface that
// is down are not there.
func testFlags(t *testing.T) {
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/lan/use_tempaddr", []byte("2"), 0o600); err != nil {
		t.Skip(err)
	}
	ip(t, "addr add 2001:db8::1/64 dev lan nodad mngtmpaddr valid_lft 9000 preferred_lft 5000", "addr add 2001:db8:1::1/64 dev lan nodad preferred_lft 0",
		"addr add 192.0.2.1/24 dev lan", "addr add 192.0.2.2/24 dev lan", "link add off type veth peer name off-peer", "addr add 192.0.2.77/32 dev off")
	want := map[string]Address{}
	eventually(t, "a temporary address", func() bool {
		list, err := Addresses()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if a.Temporary {
				want["temporary"] = a
			}
			want[a.Addr().String()] = a
		}
		return want["temporary"].IsValid()
	})
	if a := want["temporary"]; a.IsLasting() || a.Interface != "lan" || a.Bits() != 64 || !netip.MustParsePrefix("2001:db8::/64").Contains(a.Addr()) {
		t.Errorf("the temporary address is %+v", a)
	}
	if a := want["2001:db8:1::1"]; !a.Deprecated || a.Temporary {
		t.Errorf("the deprecated address is %+v", a)
	}
	// A second IPv4 address has the flag of a temporary one.
	for _, text := range []string{"2001:db8::1", "192.0.2.1", "192.0.2.2"} {
		if a := want[text]; !a.IsValid() || !a.IsLasting() {
			t.Errorf("%s is %+v", text, a)
		}
	}
	if a, there := want["192.0.2.77"]; there {
		t.Errorf("of an interface that is down: %+v", a)
	}
}

// echo answers what comes to a listener.
func echo(l *Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b := make([]byte, 1)
			for {
				if _, err := c.Read(b); err != nil {
					return
				}
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}()
	}
}

func works(c net.Conn) bool {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	b := []byte{1}
	if _, err := c.Write(b); err != nil {
		return false
	}
	_, err := c.Read(b)
	return err == nil
}

// serves reports whether a new connection works, and returns it.
func serves(t *testing.T, address string) (net.Conn, bool) {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return nil, false
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, works(c)
}

// An address that is not there yet is listened at; it may go and come again, and
// connections go on.
func testListen(t *testing.T) {
	var changes atomic.Int32
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go WatchAddresses(ctx, func() { changes.Add(1) })
	for _, c := range [][2]string{{"10.1.0.1/24", "10.1.0.1:7001"}, {"fd00:1::1/64", "[fd00:1::1]:7001"}} {
		l, err := Listen(t.Context(), c[1])
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go echo(l)
		if p := l.Problem(); !strings.HasPrefix(p, "no interface has the address ") {
			t.Errorf("%s: the problem is %q", c[1], p)
		}
		before := changes.Load()
		add := "addr add " + c[0] + " dev lan"
		if strings.Contains(c[0], ":") {
			add += " nodad"
		}
		ip(t, add)
		eventually(t, "the change is reported", func() bool { return changes.Load() > before })
		conn, ok := serves(t, c[1])
		if !ok || l.Problem() != "" {
			t.Errorf("%s: serves %t, %q", c[1], ok, l.Problem())
		}
		ip(t, "addr del "+c[0]+" dev lan")
		if l.Problem() == "" {
			t.Errorf("%s: no problem without the address", c[1])
		}
		ip(t, add)
		if conn == nil || !works(conn) {
			t.Errorf("%s: the connection from before has ended", c[1])
		}
		if _, ok := serves(t, c[1]); !ok || l.Problem() != "" {
			t.Errorf("%s: does not serve any more: %q", c[1], l.Problem())
		}
		if second, err := Listen(t.Context(), c[1]); err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("the port is taken: %v, %v", second, err)
		}
	}
}

// An interface of a link-local address that is made later, and made anew.
func testZone(t *testing.T) {
	const address = "[fe80::7%vlan7]:7002"
	l, err := Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go echo(l)
	if p := l.Problem(); p != "there is no interface vlan7" {
		t.Errorf("the problem is %q", p)
	}
	if a := l.Addr().(*net.TCPAddr); a.IP != nil {
		t.Errorf("it listens at %v", a)
	}
	for range 2 {
		ip(t, "link add vlan7 type veth peer name vlan7-peer", "link set vlan7-peer up", "link set vlan7 addrgenmode none up", "addr add fe80::7/64 dev vlan7 nodad")
		i, err := net.InterfaceByName("vlan7")
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "served on the new interface", func() bool {
			_, ok := serves(t, fmt.Sprintf("[fe80::7%%%d]:7002", i.Index))
			return ok && l.Problem() == ""
		})
		ip(t, "link del vlan7")
	}
}

// A name that is not known yet, and then leads elsewhere.
func testName(t *testing.T) {
	var leads atomic.Pointer[netip.Addr]
	lookup = func(context.Context, string) ([]netip.Addr, error) {
		if a := leads.Load(); a != nil {
			return []netip.Addr{*a}, nil
		}
		return nil, errors.New("no answer")
	}
	defer func() { lookup = Lookup }()
	l, err := Listen(t.Context(), "ap.lan:7003")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go echo(l)
	if p := l.Problem(); p != "the name ap.lan has no address now: no answer" {
		t.Errorf("the problem is %q", p)
	}
	var conns []net.Conn
	for _, text := range []string{"127.0.0.1", "127.0.0.2"} {
		a := netip.MustParseAddr(text)
		leads.Store(&a)
		eventually(t, "served at "+text, func() bool {
			c, ok := serves(t, text+":7003")
			if ok {
				conns = append(conns, c)
			}
			return ok
		})
	}
	if _, ok := serves(t, "127.0.0.1:7003"); ok || !works(conns[0]) {
		t.Errorf("where it led before: serves %t, and what was connected works %t", ok, works(conns[0]))
	}
	leads.Store(nil)
	if err := l.bind(t.Context()); err != nil {
		t.Error(err)
	}
	if _, ok := serves(t, "127.0.0.2:7003"); !ok || l.Problem() != "" {
		t.Errorf("a name without an answer ends what is served: %q", l.Problem())
	}
}
