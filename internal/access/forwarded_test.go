package access

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// What proxies make of a request of the page https://meet.example.org, each as the
// program sends it.
func TestOriginBehindProxies(t *testing.T) {
	const (
		trusted  = "10.0.0.1:1"
		loopback = "127.0.0.1:1"
		stranger = "192.168.1.20:1"
		page     = "https://meet.example.org"
	)
	for _, c := range []struct {
		name, peer, host, origin string
		headers                  []string
		ok                       bool
		words                    string // of the refusal
	}{
		{"Traefik, which writes wss", trusted, "meet.example.org", page, []string{"X-Forwarded-Host", "meet.example.org", "X-Forwarded-Proto", "wss", "X-Forwarded-Port", "443"}, true, ""},
		{"and a page without TLS", trusted, "meet.example.org", "http://meet.example.org", []string{"X-Forwarded-Host", "meet.example.org", "X-Forwarded-Proto", "wss"}, false, ""},
		{"Caddy from 2.11 on, HTTPS upstream", trusted, "192.168.1.1:8081", page, []string{"X-Forwarded-Host", "meet.example.org", "X-Forwarded-Proto", "https"}, true, ""},
		{"the same, not trusted", stranger, "192.168.1.1:8081", page, []string{"X-Forwarded-Host", "meet.example.org", "X-Forwarded-Proto", "https"}, false, "add that address to the option 'trusted_proxy'"},
		{"two proxies, a list each", trusted, "node:8081", page, []string{"X-Forwarded-Host", "meet.example.org, inner.lan", "X-Forwarded-Proto", "https, http"}, true, ""},
		{"a list in two headers", trusted, "node:8081", page, []string{"X-Forwarded-Host", "meet.example.org", "X-Forwarded-Host", "inner.lan"}, true, ""},
		{"with its port", trusted, "node:8081", page, []string{"X-Forwarded-Host", "meet.example.org:443"}, true, ""},
		{"Forwarded", trusted, "node:8081", page, []string{"Forwarded", `for="[2001:db8::1]:5";host="meet.example.org";proto=https, for=10.0.0.1;host=inner`}, true, ""},
		{"Forwarded beside X-Forwarded-For", trusted, "node:8081", page, []string{"Forwarded", "host=meet.example.org", "X-Forwarded-For", "192.0.2.1"}, false, ""},
		{"Forwarded, not trusted", stranger, "node:8081", page, []string{"Forwarded", "host=meet.example.org"}, false, "192.168.1.20"},
		{"another site by Forwarded", trusted, "node:8081", "https://evil.example", []string{"Forwarded", "host=meet.example.org"}, false, ""},
		{"nginx with Host $host, and the port apart", trusted, "meet.example.org", page + ":8443", []string{"X-Forwarded-Port", "8443"}, true, ""},
		{"nginx with Host $host", trusted, "meet.example.org", page + ":8443", []string{"X-Forwarded-For", "192.0.2.1"}, false, "$http_host"},
		{"a port that no browser sees", trusted, "meet.example.org", page, []string{"X-Forwarded-Host", "meet.example.org", "X-Forwarded-Port", "8080"}, true, ""},
		{"a host in brackets", trusted, "node", "https://[2001:db8::1]:8443", []string{"X-Forwarded-Host", "[2001:db8::1]", "X-Forwarded-Port", "8443"}, true, ""},

		// nginx without proxy_set_header Host (jech/galene#175).
		{"no Host, on this machine", loopback, "127.0.0.1:8081", "https://named.example.org", nil, true, ""},
		{"no Host, from a trusted proxy", trusted, "192.168.1.1:8081", "https://named.example.org", nil, true, ""},
		{"no Host, from elsewhere", stranger, "192.168.1.1:8081", "https://named.example.org", nil, false, "192.168.1.20"},
		{"no Host, and no name", loopback, "127.0.0.1:8081", page, nil, false, `add "meet.example.org" to the option 'public_address'`},
		{"a Host that is a name", loopback, "evil.example", "https://named.example.org", nil, false, ""},
		{"another port of the name", loopback, "127.0.0.1:8081", "https://named.example.org:8443", nil, false, ""},
		{"the name without TLS", loopback, "127.0.0.1:8081", "http://named.example.org", nil, false, ""},
		{"an origin that is none", loopback, "127.0.0.1:8081", "null", nil, false, ""},
	} {
		g := &Gate{}
		g.SetTrustedProxies(prefixes("10.0.0.1/32"))
		g.SetHosts([]string{"Named.example.org", ":8081"})
		r := request(c.peer, c.headers...)
		r.Host = c.host
		r.Header.Set("Origin", c.origin)
		err := g.CheckOrigin(r)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v; there is no %q in it", c.name, err, c.words)
		}
	}
}

func TestHostRefusalNamesTheProxy(t *testing.T) {
	r := request("172.18.0.2:1", "X-Forwarded-For", "192.0.2.1")
	r.Host = "umbrella:8081"
	err := (&Gate{}).CheckHost(r, nil)
	if err == nil || !strings.Contains(err.Error(), "add the proxy's address 172.18.0.2 to 'trusted_proxy'") {
		t.Error(err)
	}
}

func TestForwardedIsBoundedInTime(t *testing.T) {
	r := request("10.0.0.1:1")
	r.Header = http.Header{"Forwarded": {strings.Repeat(`for="`, 4000)}}
	g := &Gate{}
	g.SetTrustedProxies([]netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")})
	if c := g.Client(r); !c.Unproven {
		t.Errorf("%+v", c)
	}
}
