package access

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/names"
	"umbrella/internal/password"
)

func TestAdmit(t *testing.T) {
	g := &Gate{Tokens: startedTokens(t)}
	g.SetTrustedProxies(prefixes("10.0.0.1/32"))
	g.SetRooms([]config.Room{
		{Name: "lan", Access: config.AccessLAN},
		{Name: "open", Access: config.AccessOpen},
		{Name: "secret", Access: config.AccessPassword, Password: "correct horse"},
		{Name: "hashed", Access: config.AccessPassword, Password: password.Hash("correct horse")},
		{Name: "nothing", Access: config.AccessPassword},
		{Name: "token", Access: config.AccessToken},
		{Name: "later", Access: config.AccessOpen + 1},
	}, config.AccessLAN)
	const home, away = "192.168.1.20:1", "198.51.100.7:1"
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
		{"password right, hashed", home, "hashed", "correct horse", nil},
		{"password wrong, hashed", home, "hashed", "correct hors", ErrPassword},
		{"the hash for a password", home, "hashed", password.Hash("correct horse"), ErrPassword},
		{"password wrong", home, "secret", "correct hors", ErrPassword},
		{"password longer", home, "secret", "correct horse ", ErrPassword},
		{"password in other letters", home, "secret", "Correct horse", ErrPassword},
		{"password missing", home, "secret", "", ErrNeedsPassword},
		{"other letters are another room", home, "Secret", "", nil},
		{"no password set, none given", home, "nothing", "", ErrNeedsPassword},
		{"no password set, one given", home, "nothing", "x", ErrPassword},
		{"token", home, "token", "", ErrNeedsToken},
		{"token, by loopback", "127.0.0.1:1", "token", "x", ErrNeedsToken},
		{"access that is not known", home, "later", "", ErrNeedsToken},
		{"public, no rule", away, "kitchen", "", ErrNotLocal},
		{"public, lan", away, "lan", "", ErrNotLocal},
		{"public, open", "[2001:db8::7]:1", "open", "", nil},
		{"public, password right", away, "secret", "correct horse", nil},
		{"public, password wrong", away, "secret", "correct hors", ErrPassword},
		{"public, token", away, "token", "", ErrNeedsToken},
		{"a proxy that says nothing", "10.0.0.1:1", "lan", "", ErrNotLocal},
		{"nobody knows where from", "", "lan", "", ErrNotLocal},
		{"nobody knows where from, open", "", "open", "", nil},
		{"no name", home, "", "", names.ErrRoom},
		{"dots", home, "..", "", names.ErrRoom},
		{"a slash", home, "a/b", "", names.ErrRoom},
		{"too long", home, strings.Repeat("a", 65), "", names.ErrRoom},
		{"a bad name from outside", away, "a b", "", names.ErrRoom},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.attempts = attempts{}
			grant, err := g.Admit(request(c.peer), c.room, Credentials{Password: c.password})
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "horse") {
				t.Errorf("the password stands in %q", err)
			}
			if grant.Publish != (err == nil) || grant.Subscribe != (err == nil) || grant.Moderate || grant.Name != "" {
				t.Errorf("may do %+v", grant)
			}
		})
	}
	_, err := g.Admit(request(away), "lan", Credentials{})
	if err == nil || !strings.HasSuffix(err.Error(), "; this came from 198.51.100.7") {
		t.Errorf("does not say from where: %v", err)
	}

	g.SetRooms(nil, config.AccessOpen)
	if _, err := g.Admit(request(away), "token", Credentials{}); err != nil {
		t.Errorf("a rule that was taken away is still there: %v", err)
	}
	g.SetRooms(nil, config.AccessToken)
	if _, err := g.Admit(request(home), "kitchen", Credentials{}); !errors.Is(err, ErrNeedsToken) {
		t.Errorf("a room without a rule, where those need a token: %v", err)
	}
}

// Passwords cannot be tried for long, and meanwhile the right one does not help.
func TestPasswordBackOff(t *testing.T) {
	g := &Gate{}
	g.SetRooms([]config.Room{{Name: "secret", Access: config.AccessPassword, Password: "correct horse"}}, config.AccessLAN)
	try := func(peer, password string) error {
		_, err := g.Admit(request(peer), "secret", Credentials{Password: password})
		return err
	}
	for range freeAttempts {
		if err := try("198.51.100.7:1", "wrong"); !errors.Is(err, ErrPassword) {
			t.Fatal(err)
		}
	}
	if wait(try("198.51.100.7:2", "correct horse")) != time.Second {
		t.Error("no waiting after many wrong ones")
	}
	for range 3 * freeAttempts {
		if err := try("198.51.100.8:1", "correct horse"); err != nil {
			t.Fatalf("who knows it: %v", err)
		}
	}
}

func TestByToken(t *testing.T) {
	tokens := startedTokens(t)
	g := &Gate{Tokens: tokens}
	g.SetRooms([]config.Room{
		{Name: "lan", Access: config.AccessLAN}, {Name: "token", Access: config.AccessToken},
		{Name: "secret", Access: config.AccessPassword, Password: "correct horse"},
	}, config.AccessToken)
	const home, away = "192.168.1.20:1", "198.51.100.7:1"
	mint := func(c Claims) string {
		s, err := tokens.Mint(c, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	all := Grant{Publish: true, Subscribe: true}
	for _, c := range []struct {
		name, peer, room, token string
		grant                   Grant
		want                    error
	}{
		{"right", away, "token", mint(Claims{Room: "token"}), all, nil},
		{"with a name", away, "token", mint(Claims{Room: "token", Name: "Ada"}), Grant{Publish: true, Subscribe: true, Name: "Ada"}, nil},
		{"in place of a password", away, "secret", mint(Claims{Room: "secret"}), all, nil},
		{"for a room without a rule", away, "kitchen", mint(Claims{Room: "kitchen"}), all, nil},
		{"for all rooms", away, "kitchen", mint(Claims{Room: AnyRoom}), all, nil},
		{"of a viewer", away, "token", mint(Claims{Room: "token", Rights: []string{RightSubscribe}}), Grant{Subscribe: true}, nil},
		{"of a moderator alone", away, "token", mint(Claims{Room: "token", Rights: []string{RightModerate}}), Grant{}, ErrNotAllowed},
		{"of a node alone", away, "token", mint(Claims{Room: "token", Rights: []string{RightTrunk}}), Grant{}, ErrNotAllowed},
		{"of a node and a moderator", away, "token", mint(Claims{Room: AnyRoom, Rights: []string{RightTrunk, RightModerate}}), Grant{}, ErrNotAllowed},
		{"of an admin", away, "token", mint(Claims{Room: AnyRoom, Rights: []string{RightAdmin}}), Grant{Publish: true, Subscribe: true, Moderate: true}, nil},
		{"for another room", away, "token", mint(Claims{Room: "secret"}), Grant{}, ErrOtherRoom},
		{"for the LAN, at home", home, "lan", mint(Claims{Room: "lan", Rights: []string{RightPublish}}), Grant{Publish: true}, nil},
		{"for the LAN, from away", away, "lan", mint(Claims{Room: "lan"}), Grant{}, ErrNotLocal},
		{"damaged, at home", home, "lan", "eyJ.x.y", Grant{}, ErrToken},
	} {
		t.Run(c.name, func(t *testing.T) {
			grant, err := g.Admit(request(c.peer), c.room, Credentials{Token: c.token})
			if grant.Client.IsValid() != (err == nil) {
				t.Errorf("it is %v", grant.Client)
			}
			grant.Client, grant.Room, grant.Access, grant.Invitation, grant.Ends = netip.Prefix{}, "", 0, "", time.Time{}
			c.grant.Proven = c.want == nil
			if !errors.Is(err, c.want) || grant != c.grant {
				t.Errorf("got %+v, %v", grant, err)
			}
		})
	}

	// A program has no seat, and is told by its address.
	once := Credentials{Token: mint(Claims{Room: "token", Once: true})}
	for _, c := range []struct {
		peer string
		want error
	}{{away, nil}, {away, nil}, {"198.51.100.8:1", ErrToken}, {home, ErrToken}, {away, nil}} {
		if _, err := g.Admit(request(c.peer), "token", once); !errors.Is(err, c.want) {
			t.Errorf("a token for once, from %s: %v", c.peer, err)
		}
	}
}

func TestAdmitAdmin(t *testing.T) {
	tokens := startedTokens(t)
	admins := &Admins{Password: "correct horse", Tell: io.Discard}
	if err := admins.Start(); err != nil {
		t.Fatal(err)
	}
	cookie, err := admins.Login(Client{}, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{Tokens: tokens, Admins: admins}
	bearer := func(c Claims) string {
		s, err := tokens.Mint(c, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + s
	}
	const home, self = "192.168.1.20:1", "127.0.0.1:1"
	for _, c := range []struct {
		name, peer, host, origin, cookie, bearer string
		want                                     error
	}{
		{"nobody", home, "ap.lan", "", "", "", ErrNotAdmin},
		{"this machine", self, "localhost:8081", "", "", "", nil},
		{"this machine, by an address", self, "[::1]:8081", "", "", "", nil},
		{"this machine, by a name", self, "evil.example", "http://evil.example", "", "", ErrOwnName},
		{"this machine, of another site", self, "localhost:8081", "https://evil.example", "", "", ErrOrigin},
		{"logged in", home, "ap.lan", "https://ap.lan", cookie, "", nil},
		{"logged in, by a page of another site", home, "ap.lan", "https://evil.example", cookie, "", ErrOrigin},
		{"another cookie", home, "ap.lan", "", "x" + cookie, "", ErrNotAdmin},
		{"no cookie", home, "ap.lan", "", "", "", ErrNotAdmin},
		{"a token", home, "ap.lan", "", "", bearer(Claims{Room: AnyRoom, Rights: []string{RightAdmin}}), nil},
		{"a token of a moderator of everything", home, "ap.lan", "", "", bearer(Claims{Room: AnyRoom, Rights: []string{RightModerate}}), ErrNotAdmin},
		{"a token of a guest", home, "ap.lan", "", "", bearer(Claims{Room: "kitchen"}), ErrNotAdmin},
		{"a wrong token on this machine", self, "localhost", "", "", "Bearer x", ErrNotAdmin},
		{"a token for once", home, "ap.lan", "", "", bearer(Claims{Room: AnyRoom, Rights: []string{RightAdmin}, Once: true}), ErrNotAdmin},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.peer)
			r.Host = c.host
			for name, v := range map[string]string{"Origin": c.origin, "Authorization": c.bearer} {
				if v != "" {
					r.Header.Set(name, v)
				}
			}
			if c.cookie != "" {
				r.AddCookie(&http.Cookie{Name: SessionCookie, Value: c.cookie})
			}
			if err := g.AdmitAdmin(r); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}

	// Whoever is logged in moderates the rooms that let him in.
	r := request(home)
	r.AddCookie(&http.Cookie{Name: SessionCookie, Value: cookie})
	if grant, err := g.Admit(r, "kitchen", Credentials{}); err != nil || !grant.Moderate {
		t.Errorf("an admin: %+v, %v", grant, err)
	}
	admins.Logout(r)
	if err := g.AdmitAdmin(r); !errors.Is(err, ErrNotAdmin) {
		t.Errorf("logged out: %v", err)
	}
}
