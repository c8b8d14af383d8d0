package access

import (
	"errors"
	"strings"
	"testing"

	"umbrella/internal/config"
)

func TestAdmit(t *testing.T) {
	g := &Gate{}
	g.SetTrustedProxies(prefixes("10.0.0.1/32"))
	g.SetRooms([]config.Room{
		{Name: "lan", Access: config.AccessLAN},
		{Name: "open", Access: config.AccessOpen},
		{Name: "secret", Access: config.AccessPassword, Password: "correct horse"},
		{Name: "nothing", Access: config.AccessPassword},
		{Name: "token", Access: config.AccessToken},
		{Name: "later", Access: config.AccessOpen + 1},
	})
	const home = "192.168.1.20:1"
	for _, c := range []struct {
		name, peer, room, password string
		want                       error
	}{
		{"a room without a rule", home, "kitchen", "", nil},
		{"a password that nobody asked for", home, "kitchen", "x", nil},
		{"lan", home, "lan", "", nil},
		{"lan, loopback", "[::1]:1", "lan", "", nil},
		{"open", home, "open", "", nil},
		{"password right", home, "secret", "correct horse", nil},
		{"password wrong", home, "secret", "correct hors", ErrPassword},
		{"password longer", home, "secret", "correct horse ", ErrPassword},
		{"password in other letters", home, "secret", "Correct horse", ErrPassword},
		{"password missing", home, "secret", "", ErrNeedsPassword},
		{"other letters are another room", home, "Secret", "", nil},
		{"no password set, none given", home, "nothing", "", ErrNeedsPassword},
		{"no password set, one given", home, "nothing", "x", ErrPassword},
		{"token", home, "token", "", ErrToken},
		{"token, by loopback", "127.0.0.1:1", "token", "x", ErrToken},
		{"access that is not known", home, "later", "", ErrToken},
		{"public, no rule", "198.51.100.7:1", "kitchen", "", ErrNotLocal},
		{"public, lan", "198.51.100.7:1", "lan", "", ErrNotLocal},
		{"public, open", "[2001:db8::7]:1", "open", "", ErrNotLocal},
		{"public, password right", "198.51.100.7:1", "secret", "correct horse", ErrNotLocal},
		{"public, token", "198.51.100.7:1", "token", "", ErrNotLocal},
		{"a proxy that says nothing", "10.0.0.1:1", "open", "", ErrNotLocal},
		{"nobody knows where from", "", "open", "", ErrNotLocal},
		{"no name", home, "", "", ErrRoomName},
		{"dots", home, "..", "", ErrRoomName},
		{"a slash", home, "a/b", "", ErrRoomName},
		{"too long", home, strings.Repeat("a", 65), "", ErrRoomName},
		{"a bad name from outside", "198.51.100.7:1", "a b", "", ErrRoomName},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := g.Admit(request(c.peer), c.room, c.password)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "horse") {
				t.Errorf("the password stands in %q", err)
			}
		})
	}
	err := g.Admit(request("198.51.100.7:1"), "lan", "")
	if err == nil || !strings.HasSuffix(err.Error(), "; this came from 198.51.100.7") {
		t.Errorf("does not say from where: %v", err)
	}

	g.SetRooms(nil)
	if err := g.Admit(request(home), "token", ""); err != nil {
		t.Errorf("a rule that was taken away is still there: %v", err)
	}
}

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
