package turn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a relay behind a TCP port, and the media port that it leads to, which
// says everything back.
type site struct {
	*Relay
	t    *testing.T
	tcp  net.Listener
	udp  *net.UDPConn
	port int
}

func newSite(t *testing.T) *site {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, udp: udp, port: udp.LocalAddr().(*net.UDPAddr).Port}
	s.Relay = &Relay{
		Media: func() (int, []netip.Addr) {
			return s.port, []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::9")}
		},
		Log: slog.New(slog.DiscardHandler), Logs: logging.NewDefaultLoggerFactory(), patience: 20 * time.Second,
	}
	if s.tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		b := make([]byte, 2000)
		for {
			n, from, err := udp.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = udp.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	t.Cleanup(func() {
		_ = udp.Close()
		<-echoed
	})
	return s
}

func (s *site) start() *site {
	s.t.Helper()
	if err := s.Start(); err != nil {
		s.t.Fatal(err)
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			c, err := s.tcp.Accept()
			if err != nil {
				return
			}
			s.Serve(c)
		}
	}()
	s.t.Cleanup(func() {
		_ = s.tcp.Close()
		<-accepted
		if err := s.Close(context.Background()); err != nil {
			s.t.Error(err)
		}
	})
	return s
}

// dial connects without saying anything.
func (s *site) dial() net.Conn { return s.dialFrom("127.0.0.1") }

func (s *site) dialFrom(ip string) net.Conn {
	s.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := d.Dial("tcp", s.tcp.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// client of the relay, and its allocation.
func (s *site) client(user, password string) (net.PacketConn, error) {
	s.t.Helper()
	return s.clientFrom("127.0.0.1", user, password)
}

// clientFrom is a client at an address.
func (s *site) clientFrom(ip, user, password string) (net.PacketConn, error) {
	s.t.Helper()
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: s.tcp.Addr().String(), TURNServerAddr: s.tcp.Addr().String(),
		Conn: turn.NewSTUNConn(s.dialFrom(ip)), Username: user, Password: password, Realm: realm,
		LoggerFactory: quiet{}, RTO: 100 * time.Millisecond,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		s.t.Fatal(err)
	}
	c, err := client.Allocate()
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c, nil
}

type quiet struct{}

func (quiet) NewLogger(scope string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope(scope, logging.LogLevelDisabled, io.Discard)
}

func (s *site) allocate() net.PacketConn {
	s.t.Helper()
	user, password := s.Credentials(someone)
	c, err := s.client(user, password)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// someone is a client that was let in.
var someone = netip.MustParsePrefix("192.0.2.1/32")

func at(ip string, port int) *net.UDPAddr { return &net.UDPAddr{IP: net.ParseIP(ip), Port: port} }

func TestRelay(t *testing.T) {
	s := newSite(t).start()
	c := s.allocate()
	if ip := c.LocalAddr().(*net.UDPAddr).IP.String(); ip != "10.1.2.3" {
		t.Errorf("its relay is at %s", ip)
	}
	// The node is spoken to by one of its public addresses, which is not one of this
	// machine, and answers from there.
	for _, text := range []string{"hello", strings.Repeat("x", 1400), "hello again"} {
		if _, err := c.WriteTo([]byte(text), at("203.0.113.9", s.port)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2000)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, from, err := c.ReadFrom(b)
		if err != nil || string(b[:n]) != text || from.String() != at("203.0.113.9", s.port).String() {
			t.Fatalf("got %d bytes from %v: %v", n, from, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	s.waitFor("the end of its connection", func() bool { return len(s.conns) == 0 && len(s.held) == 0 })
}

func (s *site) waitFor(what string, is func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		ok := is()
		s.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("not within 20 s: " + what)
		}
	}
}

// It leads nowhere else: not to other addresses, nor to other ports of the node.
func TestNoOpenRelay(t *testing.T) {
	s := newSite(t).start()
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c := s.allocate()
	for _, ip := range []string{"127.0.0.1", "10.1.2.4", "0.0.0.0", "255.255.255.255", "224.0.0.1", "169.254.169.254"} {
		if _, err := c.WriteTo([]byte("to others"), at(ip, other.LocalAddr().(*net.UDPAddr).Port)); err == nil {
			t.Errorf("%s: permitted", ip)
		}
	}
	// Its own address, another port: taken, and lost.
	if _, err := c.WriteTo([]byte("to others"), at("10.1.2.3", other.LocalAddr().(*net.UDPAddr).Port)); err != nil {
		t.Error(err)
	}
	// The right one, so that there was time for the wrong ones.
	if _, err := c.WriteTo([]byte("to the node"), at("10.1.2.3", s.port)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, _, err := c.ReadFrom(b); err != nil || string(b[:n]) != "to the node" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	_ = other.SetReadDeadline(time.Now())
	if n, from, err := other.ReadFrom(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("somebody else got %q from %v, %v", b[:n], from, err)
	}
}

func TestWrongCredentials(t *testing.T) {
	s := newSite(t).start()
	user, password := s.Credentials(someone)
	past := strconv.FormatInt(time.Now().Add(-time.Second).Unix(), 10) + ":x"
	end, _, _ := strings.Cut(user, ":")
	for name, c := range map[string][2]string{
		"none":            {"", ""},
		"a wrong one":     {user, "x"},
		"another's":       {end + ":other", password},
		"one prolonged":   {"9" + user, password},
		"one that is out": {past, s.keys.mac(past)},
		"another form":    {"admin", s.keys.mac("admin")},
		"no number":       {"x:y", s.keys.mac("x:y")},
		"of another node": {user, newKeys().mac(user)},
	} {
		if _, err := s.client(c[0], c[1]); err == nil {
			t.Errorf("%s: let in", name)
		}
	}
	if len(s.held) != 0 {
		t.Errorf("%d allocations", len(s.held))
	}
}

// Credentials that have run out do for what was made with them.
func TestCredentialsRunOutDuringACall(t *testing.T) {
	s := newSite(t).start()
	user := strconv.FormatInt(time.Now().Add(time.Second).Unix()+1, 10) + ":x"
	c, err := s.client(user, s.keys.mac(user))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, current, ok := s.keys.password(user, time.Now()); ok && !current {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("they do not run out")
		}
	}
	// A permission is asked for with them.
	if _, err := c.WriteTo([]byte("late"), at("10.1.2.3", s.port)); err != nil {
		t.Error(err)
	}
	if _, err := s.client(user, s.keys.mac(user)); err == nil {
		t.Error("they do for something new")
	}
}

func TestStrangers(t *testing.T) {
	s := newSite(t)
	s.patience = 300 * time.Millisecond
	s.start()
	for name, said := range map[string][]byte{
		"nothing":     nil,
		"half":        {0, 3, 0, 8, 0x21, 0x12},
		"HTTP":        []byte("GET / HTTP/1.1\r\n\r\n"),
		"a huge one":  {0, 3, 0xff, 0xfc},
		"a huge one ": {0x40, 0, 0xff, 0xff},
	} {
		c := s.dial()
		if _, err := c.Write(said); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: not cut off: %v", name, err)
		}
	}
	s.waitFor("all are gone", func() bool { return len(s.conns) == 0 })
}

// However many connect and say nothing, those who are let in come in, and those who
// are in stay: from the same address, from many, and from behind a proxy.
func TestManyStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		from   func(i int) string
		shared bool
		stay   int
	}{
		"one address":    {from: func(int) string { return "127.0.0.1" }, stay: maxStrangersOfOne},
		"many addresses": {from: func(i int) string { return fmt.Sprintf("127.0.1.%d", i+1) }, stay: maxStrangers},
		"a proxy":        {from: func(int) string { return "127.0.0.1" }, shared: true, stay: maxStrangers},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Shared = func(netip.Addr) bool { return c.shared }
			s.start()
			user, password := s.Credentials(someone)
			before, err := s.client(user, password)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 2 * maxStrangers {
				s.dialFrom(c.from(i))
			}
			s.waitFor("the crowd is there", func() bool { return len(s.conns) == c.stay+1 })
			if _, err := before.WriteTo([]byte("x"), at("10.1.2.3", s.port)); err != nil {
				t.Errorf("who was in is disturbed: %v", err)
			}
			for range 2 {
				if _, err := s.client(user, password); err != nil {
					t.Errorf("somebody else: %v", err)
				}
			}
		})
	}
}

func TestQuota(t *testing.T) {
	s := newSite(t).start()
	user, password := s.Credentials(someone)
	for i := range maxOfUser {
		if _, err := s.client(user, password); err != nil {
			t.Fatalf("allocation %d: %v", i+1, err)
		}
	}
	if _, err := s.client(user, password); err == nil {
		t.Error("there is no end to it")
	}
	user, password = s.Credentials(someone)
	if _, err := s.client(user, password); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

// One address, and one client by its credentials wherever they are used, have a part of
// the relay at most, however often they join.
func TestQuotaOfOne(t *testing.T) {
	other := netip.MustParsePrefix("192.0.2.2/32")
	join := func(s *site, client netip.Prefix, ip string) error {
		user, password := s.Credentials(client)
		_, err := s.clientFrom(ip, user, password)
		return err
	}
	for name, c := range map[string]struct {
		shared bool
		client func(i int) netip.Prefix
		from   func(i int) string
	}{
		"from one address": {false, func(i int) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 32) },
			func(int) string { return "127.0.0.1" }},
		"behind a proxy": {true, func(int) netip.Prefix { return someone }, func(int) string { return "127.0.0.1" }},
		"from many addresses, with the credentials of one": {false, func(int) netip.Prefix { return someone },
			func(i int) string { return fmt.Sprintf("127.0.1.%d", i+1) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Shared = func(netip.Addr) bool { return c.shared }
			s.start()
			for i := range mostOfOne() {
				if err := join(s, c.client(i), c.from(i)); err != nil {
					t.Fatalf("allocation %d: %v", i+1, err)
				}
			}
			if err := join(s, c.client(200), c.from(200)); err == nil {
				t.Error("there is no end to it")
			}
			elsewhere := "127.0.2.1"
			if c.shared {
				elsewhere = "127.0.0.1"
			}
			if err := join(s, other, elsewhere); err != nil {
				t.Errorf("somebody else: %v", err)
			}
		})
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Add([]byte{0x40, 0, 0, 3, 1, 2, 3, 0})
	f.Add([]byte{0x4f, 0xff, 0x07, 0xcc})
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		from, b, read := bytes.NewReader(in), make([]byte, maxFrame), 0
		for {
			n, err := readFrame(from, b)
			if n < 0 || n > maxFrame {
				t.Fatalf("%d bytes", n)
			}
			if err != nil {
				return
			}
			if n < 4 || n%4 != 0 || !bytes.Equal(b[:n], in[read:read+n]) {
				t.Fatalf("a frame of %d bytes at %d is not what was sent", n, read)
			}
			read += n
		}
	})
}
