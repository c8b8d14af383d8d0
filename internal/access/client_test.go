package access

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/config"
)

func TestAddress(t *testing.T) {
	g := &Gate{}
	g.SetTrustedProxies(prefixes("10.0.0.1/32"))
	for _, c := range []struct{ peer, forwarded, want string }{
		{"192.0.2.7:5", "", "192.0.2.7:5"},
		{"192.0.2.7:5", "203.0.113.9", "192.0.2.7:5"}, // anybody may write that
		{"10.0.0.1:5", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:5", "", "10.0.0.1:5"},
		{"[2001:db8::1]:5", "", "[2001:db8::1]:5"},
	} {
		r := request(c.peer)
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := g.Address(r); got != c.want {
			t.Errorf("%s for %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func prefixes(list ...string) (p []netip.Prefix) {
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// request comes from peer; headers are names and values in turn.
func request(peer string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://umbrella.lan:8081/wsb", nil)
	r.RemoteAddr = peer
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestClient(t *testing.T) {
	const xff = "X-Forwarded-For"
	// Seen from the gate.
	const (
		loopback = "loopback" // which is local, too
		local    = "local"
		other    = "other"    // known, and not local
		unproven = "unproven" // somebody else may stand behind it
	)
	proxies := prefixes("10.0.0.1/32", "10.9.0.0/24", "203.0.113.0/28", "fd00::1/128")
	for _, c := range []struct {
		name, peer string
		headers    []string
		addr, is   string
	}{
		{"IPv4 loopback", "127.0.0.1:1234", nil, "127.0.0.1", loopback},
		{"all of 127/8", "127.8.9.1:1234", nil, "127.8.9.1", loopback},
		{"IPv6 loopback", "[::1]:1234", nil, "::1", loopback},
		{"mapped loopback", "[::ffff:127.0.0.1]:1234", nil, "127.0.0.1", loopback},
		{"RFC 1918", "192.168.1.20:1234", nil, "192.168.1.20", local},
		{"RFC 1918, 172.31", "172.31.0.1:1234", nil, "172.31.0.1", local},
		{"beyond 172.31", "172.32.0.1:1234", nil, "172.32.0.1", other},
		{"mapped RFC 1918", "[::ffff:192.168.1.20]:1234", nil, "192.168.1.20", local},
		{"mapped public", "[::ffff:198.51.100.7]:1234", nil, "198.51.100.7", other},
		{"unique local", "[fd12::7]:1234", nil, "fd12::7", local},
		{"link-local with a zone", "[fe80::7%eth0]:1234", nil, "fe80::7", local},
		{"IPv4 link-local", "169.254.7.7:1234", nil, "169.254.7.7", local},
		{"shared space", "100.64.0.1:1234", nil, "100.64.0.1", other},
		{"public", "198.51.100.7:1234", nil, "198.51.100.7", other},
		{"public IPv6", "[2001:db8::7]:1234", nil, "2001:db8::7", other},
		{"NAT64 of a private one", "[64:ff9b::c0a8:114]:1234", nil, "64:ff9b::c0a8:114", other},
		{"unspecified", "0.0.0.0:1", nil, "0.0.0.0", other},
		{"no peer", "", nil, "", unproven},
		{"no port", "127.0.0.1", nil, "", unproven},
		{"a path as peer", "@", nil, "", unproven},

		{"loopback proxy that nobody trusts", "127.0.0.1:1", []string{xff, "192.168.1.20"}, "127.0.0.1", unproven},
		{"and says loopback", "127.0.0.1:1", []string{xff, "127.0.0.1"}, "127.0.0.1", unproven},
		{"and says nothing", "127.0.0.1:1", []string{xff, ""}, "127.0.0.1", unproven},
		{"first nothing, then something", "127.0.0.1:1", []string{xff, "", xff, "1.2.3.4"}, "127.0.0.1", unproven},
		{"by Forwarded", "[::1]:1", []string{"Forwarded", "for=192.168.1.20"}, "::1", unproven},
		{"by X-Real-IP", "127.0.0.1:1", []string{"X-Real-IP", "127.0.0.1"}, "127.0.0.1", unproven},
		{"by Via", "127.0.0.1:1", []string{"Via", "1.1 squid"}, "127.0.0.1", unproven},
		{"by X-Forwarded-Proto", "127.0.0.1:1", []string{"X-Forwarded-Proto", "https"}, "127.0.0.1", unproven},
		{"by X-Forwarded-Host", "127.0.0.1:1", []string{"X-Forwarded-Host", "a"}, "127.0.0.1", unproven},
		{"local proxy that nobody trusts", "192.168.1.2:1", []string{xff, "192.168.1.20"}, "192.168.1.2", unproven},
		{"public one that lies", "198.51.100.7:1", []string{xff, "127.0.0.1"}, "198.51.100.7", unproven},

		{"trusted, local client", "10.0.0.1:1", []string{xff, "192.168.1.20"}, "192.168.1.20", local},
		{"trusted, public client", "10.0.0.1:1", []string{xff, "198.51.100.7"}, "198.51.100.7", other},
		{"trusted, mapped peer", "[::ffff:10.0.0.1]:1", []string{xff, "198.51.100.7"}, "198.51.100.7", other},
		{"trusted by IPv6", "[fd00::1]:1", []string{xff, "192.168.1.20"}, "192.168.1.20", local},
		{"trusted public proxy", "203.0.113.5:1", []string{xff, "198.51.100.7"}, "198.51.100.7", other},
		{"client with a port", "10.0.0.1:1", []string{xff, "192.168.1.20:5555"}, "192.168.1.20", local},
		{"IPv6 client", "10.0.0.1:1", []string{xff, "fd12::7"}, "fd12::7", local},
		{"IPv6 client in brackets", "10.0.0.1:1", []string{xff, "[2001:db8::7]"}, "2001:db8::7", other},
		{"IPv6 client with a port", "10.0.0.1:1", []string{xff, "[fd12::7]:99"}, "fd12::7", local},
		{"client with a zone", "10.0.0.1:1", []string{xff, "fe80::7%br-lan"}, "fe80::7", local},
		{"mapped client", "10.0.0.1:1", []string{xff, "::ffff:198.51.100.7"}, "198.51.100.7", other},
		{"blanks", "10.0.0.1:1", []string{xff, " 192.168.1.20\t"}, "192.168.1.20", local},

		{"in quotes", "10.0.0.1:1", []string{xff, `"[fd12::7]:99"`}, "fd12::7", local},
		{"Forwarded (RFC 7239)", "10.0.0.1:1", []string{"Forwarded", "for=192.168.1.20;proto=https;by=203.0.113.43"}, "192.168.1.20", local},
		{"Forwarded, IPv6 with a port", "10.0.0.1:1", []string{"Forwarded", `proto=https;For="[2001:db8::7]:4711"`}, "2001:db8::7", other},
		{"Forwarded of two proxies", "10.0.0.1:1", []string{"Forwarded", `for=198.51.100.7, for="10.9.0.3:80"`}, "198.51.100.7", other},
		{"Forwarded in two headers", "10.0.0.1:1", []string{"Forwarded", "for=192.168.1.20", "Forwarded", "for=198.51.100.7"}, "198.51.100.7", other},
		{"a comma in quotes", "10.0.0.1:1", []string{"Forwarded", `for=198.51.100.7;host="a,for=192.168.1.20"`}, "198.51.100.7", other},
		{"Forwarded beside X-Forwarded-For may be the client's", "10.0.0.1:1", []string{"Forwarded", "for=192.168.1.20", xff, "198.51.100.7"}, "198.51.100.7", other},
		{"Forwarded that hides the client", "10.0.0.1:1", []string{"Forwarded", "for=_hidden"}, "", unproven},
		{"Forwarded that does not know", "10.0.0.1:1", []string{"Forwarded", "for=192.168.1.20, for=unknown"}, "", unproven},
		{"Forwarded without the client", "10.0.0.1:1", []string{"Forwarded", "for=192.168.1.20, proto=https"}, "", unproven},
		{"Forwarded of one that is not trusted", "192.168.1.2:1", []string{"Forwarded", "for=127.0.0.1"}, "192.168.1.2", unproven},
		{"by cloudflared", "127.0.0.1:1", []string{"Cf-Connecting-Ip", "127.0.0.1"}, "127.0.0.1", unproven},

		{"what stands left is not believed", "10.0.0.1:1", []string{xff, "192.168.1.20, 198.51.100.7"}, "198.51.100.7", other},
		{"nor loopback", "10.0.0.1:1", []string{xff, "127.0.0.1,198.51.100.7"}, "198.51.100.7", other},
		{"nor in a header before", "10.0.0.1:1", []string{xff, "192.168.1.20", xff, "198.51.100.7"}, "198.51.100.7", other},
		{"two trusted hops", "10.0.0.1:1", []string{xff, "192.168.1.20, 203.0.113.5"}, "192.168.1.20", local},
		{"three, in two headers", "10.0.0.1:1", []string{xff, "8.8.8.8, 198.51.100.7", xff, "10.9.0.3, 203.0.113.5"}, "198.51.100.7", other},
		{"a hop that nobody trusts", "10.0.0.1:1", []string{xff, "192.168.1.20, 198.51.100.1, 203.0.113.5"}, "198.51.100.1", other},

		{"trusted that says nothing", "10.0.0.1:1", nil, "10.0.0.1", unproven},
		{"trusted that says nothing, in words", "10.0.0.1:1", []string{xff, ""}, "10.0.0.1", unproven},
		{"trusted with another header only", "10.0.0.1:1", []string{"X-Real-IP", "192.168.1.20"}, "10.0.0.1", unproven},
		{"trusted behind one that says nothing", "10.0.0.1:1", []string{xff, "10.9.0.3"}, "10.9.0.3", unproven},
		{"the same at the list's beginning", "10.0.0.1:1", []string{xff, ",10.9.0.3"}, "10.9.0.3", unproven},
		{"loopback of the proxy's machine", "203.0.113.5:1", []string{xff, "127.0.0.1"}, "127.0.0.1", unproven},
		{"the same in IPv6", "10.0.0.1:1", []string{xff, "::1"}, "::1", unproven},
		{"the same, mapped", "10.0.0.1:1", []string{xff, "::ffff:127.0.0.1"}, "127.0.0.1", unproven},

		{"unknown", "10.0.0.1:1", []string{xff, "unknown"}, "", unproven},
		{"garbage after a good one", "10.0.0.1:1", []string{xff, "192.168.1.20, %%%"}, "", unproven},
		{"comma at the end", "10.0.0.1:1", []string{xff, "192.168.1.20,"}, "", unproven},
		{"only commas", "10.0.0.1:1", []string{xff, ",,,"}, "", unproven},
		{"one bracket", "10.0.0.1:1", []string{xff, "[fd12::7"}, "", unproven},
		{"brackets on the outside", "10.0.0.1:1", []string{xff, "]fd12::7["}, "", unproven},
		{"IPv4 in brackets", "10.0.0.1:1", []string{xff, "[192.168.1.20]"}, "", unproven},
		{"leading zero", "10.0.0.1:1", []string{xff, "192.168.01.20"}, "", unproven},
		{"a number", "10.0.0.1:1", []string{xff, "2130706433"}, "", unproven},
		{"a name", "10.0.0.1:1", []string{xff, "localhost"}, "", unproven},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &Gate{}
			g.SetTrustedProxies(proxies)
			got := g.Client(request(c.peer, c.headers...))
			want := Client{Unproven: c.is == unproven}
			if c.addr != "" {
				want.Addr = netip.MustParseAddr(c.addr)
			}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if is := c.is == loopback; got.Loopback() != is {
				t.Errorf("Loopback is %v", got.Loopback())
			}
			if is := c.is == loopback || c.is == local; got.Local() != is {
				t.Errorf("Local is %v", got.Local())
			}
		})
	}
}

// A loopback proxy that is trusted vouches for others, never for loopback.
func TestClientBehindLoopbackProxy(t *testing.T) {
	g := &Gate{}
	g.SetTrustedProxies(prefixes("127.0.0.0/8", "::1/128"))
	for header, local := range map[string]bool{
		"":                        false,
		"127.0.0.1":               false,
		"::1":                     false,
		"192.168.1.20, 127.0.0.1": true,
		"192.168.1.20":            true,
		"198.51.100.7":            false,
	} {
		for _, peer := range []string{"127.0.0.1:9", "[::1]:9"} {
			c := g.Client(request(peer, "X-Forwarded-For", header))
			if c.Local() != local || c.Loopback() {
				t.Errorf("%q by %s: %+v is local %v, loopback %v", header, peer, c, c.Local(), c.Loopback())
			}
		}
	}
}

func TestClientInWords(t *testing.T) {
	for want, c := range map[string]Client{
		"from 198.51.100.7":                 {Addr: netip.MustParseAddr("198.51.100.7")},
		"from an address that is not known": {Unproven: true},
		"by way of 10.0.0.1, which may be a proxy: see the option 'trusted_proxy'": {Addr: netip.MustParseAddr("10.0.0.1"), Unproven: true},
	} {
		if got := c.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzForwardedFor(f *testing.F) {
	for _, s := range []string{
		"", "192.168.1.20", "198.51.100.7, 10.0.0.1", "[fd12::7]:99, ::1", ",,", "unknown", "fe80::1%eth0,10.0.0.1",
		"::ffff:127.0.0.1", "192.168.1.20, 10.0.0.1, 10.0.0.1:80", "1.2.3.4,\x00", "[]", "[", ":1",
	} {
		f.Add("10.0.0.1:1", s, "")
		f.Add("127.0.0.1:1", s, "x")
		f.Add("10.0.0.1:1", `for="`+s+`";host=a, for=`+s, "")
		f.Add("[::ffff:10.0.0.1]:80", "192.168.1.20", s)
	}
	proxy := netip.MustParsePrefix("10.0.0.0/30")
	f.Fuzz(func(t *testing.T, peer, first, second string) {
		r := request(peer, "Forwarded", first)
		g := &Gate{}
		g.SetTrustedProxies([]netip.Prefix{proxy})
		if c := g.Client(r); c.Loopback() || c.Local() && !strings.Contains(strings.ToLower(first), "for=") {
			t.Fatalf("%+v", c)
		}
		g.Host(r)
		r = request(peer, "X-Forwarded-For", first)
		if second != "" {
			r.Header.Add("X-Forwarded-For", second)
		}
		c := g.Client(r)
		if c.Loopback() {
			t.Fatalf("%+v counts as loopback with a header", c)
		}
		if !c.Local() {
			return
		}
		// Then a trusted proxy has written that very address, and all that stand
		// right of it are trusted, too.
		p, err := netip.ParseAddrPort(peer)
		if err != nil || !proxy.Contains(p.Addr().Unmap().WithZone("")) {
			t.Fatalf("%+v on the word of %q", c, peer)
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		slices.Reverse(hops)
		for _, h := range hops {
			h = strings.TrimSpace(h)
			a, err := netip.ParseAddr(strings.Trim(h, "[]"))
			if err != nil {
				a = netip.MustParseAddrPort(h).Addr()
			}
			a = a.Unmap().WithZone("")
			if proxy.Contains(a) {
				continue
			}
			if a != c.Addr || !a.IsPrivate() && !a.IsLinkLocalUnicast() {
				t.Fatalf("%+v out of %q", c, hops)
			}
			return
		}
		t.Fatalf("%+v out of nothing but proxies: %q", c, hops)
	})
}

// In the cloud, whoever comes by way of an address that is believed is local to
// nobody, whatever he writes into the header: a port that Docker publishes makes
// everybody come from an address of its own.
func TestNobodyIsLocalByWayOfTheCloud(t *testing.T) {
	cfg, err := config.Load(t.TempDir(), []string{"UMBRELLA_CLOUD=1"})
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{}
	g.SetTrustedProxies(cfg.Main.TrustedProxy)
	for _, said := range []string{
		"", "10.1.2.3", "172.31.255.255", "192.168.1.1", "169.254.1.1", "127.0.0.1", "127.9.9.9", "::1", "fd00::1", "fe80::1", "fe80::1%eth0",
		"::ffff:169.254.1.1", "febf::1", "[fe80::1]:5", "169.254.1.1:80", "169.254.1.1, 10.0.0.1", "203.0.113.9, 192.168.1.1",
	} {
		for _, peer := range []string{"172.17.0.1:1", "127.0.0.1:1", "[fd00::2]:1", "[fe80::1%eth0]:1"} {
			if c := g.Client(request(peer, "X-Forwarded-For", said)); c.Local() || c.Loopback() {
				t.Errorf("%q by %s is local: %+v", said, peer, c)
			}
		}
	}
}
