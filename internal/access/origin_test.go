package access

import (
	"errors"
	"testing"
)

func TestCheckOrigin(t *testing.T) {
	const proxy, direct = "10.0.0.1:1", "192.168.1.20:1"
	for _, c := range []struct {
		name, peer, host, origin, forwarded string
		ok                                  bool
	}{
		{"not a page", direct, "ap.lan:8081", "", "", true},
		{"the same", direct, "ap.lan:8081", "https://ap.lan:8081", "", true},
		{"over plain HTTP", direct, "ap.lan:8081", "http://ap.lan:8081", "", true},
		{"in other letters", direct, "AP.lan:8081", "https://ap.LAN:8081", "", true},
		{"IPv4", direct, "192.168.1.1:8081", "https://192.168.1.1:8081", "", true},
		{"IPv6", direct, "[fd00::1]:8081", "https://[fd00::1]:8081", "", true},
		{"IPv6, default port", direct, "[fd00::1]:443", "https://[fd00::1]", "", true},
		{"default port left out of the origin", direct, "ap.lan:443", "https://ap.lan", "", true},
		{"left out of the host", direct, "ap.lan", "https://ap.lan:443", "", true},
		{"left out of both", direct, "ap.lan", "http://ap.lan", "", true},
		{"of plain HTTP", direct, "ap.lan:80", "http://ap.lan", "", true},

		{"another host", direct, "ap.lan:8081", "https://evil.example", "", false},
		{"another host, same port", direct, "ap.lan:8081", "https://evil.example:8081", "", false},
		{"another port", direct, "ap.lan:8081", "https://ap.lan:8082", "", false},
		{"the router's own pages", direct, "ap.lan:8081", "http://ap.lan", "", false},
		{"the other default port", direct, "ap.lan:80", "https://ap.lan", "", false},
		{"a name that begins alike", direct, "ap.lan", "https://ap.lan.evil.example", "", false},
		{"a name that ends alike", direct, "ap.lan", "https://evilap.lan", "", false},
		{"null", direct, "ap.lan", "null", "", false},
		{"null as a host", direct, "null", "null", "", false},
		{"a name only", direct, "ap.lan", "ap.lan", "", false},
		{"no host", direct, "", "https://", "", false},
		{"no host but a port", direct, "", "https://:443", "", false},
		{"garbage", direct, "ap.lan", "https://%zz", "", false},
		{"another scheme", direct, "ap.lan", "ftp://ap.lan", "", false},
		{"an extension", direct, "ap.lan", "chrome-extension://ap.lan", "", false},
		{"a list", direct, "ap.lan", "https://ap.lan https://evil.example", "", false},

		{"by a trusted proxy", proxy, "umbrella:8081", "https://call.example", "call.example", true},
		{"with its port", proxy, "umbrella:8081", "https://call.example", "call.example:443", true},
		{"the proxy keeps the host", proxy, "call.example", "https://call.example", "", true},
		{"by a trusted proxy, another site", proxy, "umbrella:8081", "https://evil.example", "call.example", false},
		{"by one that nobody trusts", direct, "umbrella:8081", "https://evil.example", "evil.example", false},
		{"by nobody", "", "umbrella:8081", "https://evil.example", "evil.example", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &Gate{}
			g.SetTrustedProxies(prefixes("10.0.0.1/32"))
			r := request(c.peer)
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-Host", c.forwarded)
			}
			err := g.CheckOrigin(r)
			if (err == nil) != c.ok {
				t.Fatalf("got %v", err)
			}
			if err != nil && !errors.Is(err, ErrOrigin) {
				t.Errorf("not ErrOrigin: %v", err)
			}
		})
	}
}

// Where a page came by TLS, one that came without is another site, for anybody on
// the way may have written it.
func TestOriginWithoutTLS(t *testing.T) {
	g := &Gate{}
	g.SetTrustedProxies(prefixes("10.0.0.1/32"))
	for _, c := range []struct {
		name, peer, proto string
		tls               bool
		plain             bool // http:// is taken
	}{
		{"by plain HTTP", "192.168.1.20:1", "", false, true},
		{"by TLS", "192.168.1.20:1", "", true, false},
		{"by a proxy that ends TLS", "10.0.0.1:1", "https", false, false},
		{"by a proxy that does not", "10.0.0.1:1", "http", false, true},
		{"by one that nobody trusts", "192.168.1.20:1", "https", false, true},
	} {
		for origin, want := range map[string]bool{"https://call.example": true, "http://call.example": c.plain} {
			r := request(c.peer, "Origin", origin)
			r.Host = "call.example"
			if c.proto != "" {
				r.Header.Set("X-Forwarded-Proto", c.proto)
			}
			r = r.WithContext(WithSecure(r.Context(), func() bool { return c.tls }))
			if err := g.CheckOrigin(r); (err == nil) != want {
				t.Errorf("%s, %s: %v", c.name, origin, err)
			}
		}
	}
}
