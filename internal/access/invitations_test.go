package access

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/state"
)

// mintListed makes a token as the pages do.
func mintListed(t *testing.T, tokens *Tokens, c Claims) string {
	t.Helper()
	if c.By == "" {
		c.By = "an admin"
	}
	text, err := tokens.Mint(c, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// One guest is one browser, wherever it is: another one behind the same address is not
// let in, and the guest comes back from elsewhere, also after a restart.
func TestOneGuest(t *testing.T) {
	tokens := startedTokens(t)
	g := &Gate{Tokens: tokens}
	g.SetRooms([]config.Room{{Name: "den", Access: config.AccessToken}}, config.AccessToken)
	token := mintListed(t, tokens, Claims{Room: "den", Once: true})
	const seat, other = "AAAAAAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBBBBBB"
	enter := func(peer, seat string) error {
		grant, err := g.Admit(request(peer), "den", Credentials{Token: token, Seat: seat})
		if err == nil && (grant.Guest() == "" || grant.Guest() != grant.Invitation) {
			t.Errorf("the grant does not name the guest: %+v", grant)
		}
		return err
	}
	for _, c := range []struct {
		peer, seat string
		want       error
	}{
		{"198.51.100.7:1", seat, nil},
		{"198.51.100.7:2", other, ErrToken}, {"198.51.100.7:1", "", ErrToken}, {"198.51.100.7:1", "short", ErrSeat},
		{"198.51.100.7:1", strings.Repeat("A", 65), ErrSeat}, {"198.51.100.7:1", seat + "'", ErrSeat},
		{"203.0.113.5:1", seat, nil},
	} {
		if err := enter(c.peer, c.seat); !errors.Is(err, c.want) {
			t.Errorf("from %s with %q: %v", c.peer, c.seat, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(tokens.StateDir, state.Invitations))
	if err != nil || strings.Contains(string(b), seat) {
		t.Errorf("the seat can be read in %s, %v", b, err)
	}
	again := &Tokens{StateDir: tokens.StateDir}
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	g.Tokens = again
	if err := enter("203.0.113.6:1", seat); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := enter("203.0.113.6:1", other); !errors.Is(err, ErrToken) {
		t.Errorf("somebody else after a restart: %v", err)
	}
}

// Of a node that cannot write, a token for one guest of before its start may have been
// used.
func TestOneGuestWhereNothingIsKept(t *testing.T) {
	tokens := startedTokens(t)
	text := mintListed(t, tokens, Claims{Room: "a", Once: true})
	c, err := tokens.Verify(text)
	if err != nil {
		t.Fatal(err)
	}
	tokens.ledger.lost = errors.New("read-only")
	tokens.started = time.Now().Add(2 * time.Second)
	if err := tokens.use(c, "x", time.Now()); !errors.Is(err, ErrToken) {
		t.Errorf("it is taken: %v", err)
	}
}

// An invitation is listed, and revoked by its id, by the token or the link; so are those
// that its bearer made. Another process sees it at once, and a restart changes nothing.
func TestRevoke(t *testing.T) {
	tokens := startedTokens(t)
	daemon := &Tokens{StateDir: tokens.StateDir}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	first := mintListed(t, tokens, Claims{Room: "kitchen", Name: "Zoe\u0308", By: "umbrellad token", Rights: []string{RightPublish, RightSubscribe, RightModerate}})
	list := daemon.Invitations()
	if len(list) != 1 || list[0].Room != "kitchen" || list[0].Name != "Zoë" || list[0].By != "umbrellad token" || list[0].Once || time.Until(list[0].Ends) > time.Hour {
		t.Fatalf("listed: %+v", list)
	}
	child := mintListed(t, daemon, Claims{Room: "kitchen", By: "Zoë, in the call", Parent: list[0].ID})
	grandchild := mintListed(t, daemon, Claims{Room: "kitchen", Parent: daemon.Invitations()[0].ID})
	other := mintListed(t, daemon, Claims{Room: "kitchen"})
	unlisted, err := daemon.Mint(Claims{Room: AnyRoom, Rights: []string{RightAdmin}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{first, child, grandchild, other, unlisted} {
		if _, err := daemon.Verify(text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tokens.Revoke(list[0].ID); err != nil {
		t.Fatal(err)
	}
	again := &Tokens{StateDir: tokens.StateDir}
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	for _, node := range []*Tokens{daemon, again} {
		for _, text := range []string{first, child, grandchild} {
			if _, err := node.Verify(text); !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "revoked") {
				t.Errorf("revoked: %v", err)
			}
		}
		if _, err := node.Verify(other); err != nil {
			t.Errorf("another one: %v", err)
		}
	}
	for _, what := range []string{"https://ap.lan/sfu/kitchen#token=" + other, unlisted} {
		if _, err := daemon.Revoke(what); err != nil {
			t.Errorf("%v", err)
		}
	}
	for _, text := range []string{other, unlisted} {
		if _, err := daemon.Verify(text); !errors.Is(err, ErrToken) {
			t.Errorf("revoked by what it is: %v", err)
		}
	}
	for _, what := range []string{"", "x", "a.b.c", first + "x"} {
		if _, err := daemon.Revoke(what); !errors.Is(err, ErrNoInvitation) {
			t.Errorf("%q: %v", what, err)
		}
	}
}

// So many invitations are remembered and no more; what has ended makes room. A file that
// cannot be read lets nobody in by a token.
func TestInvitationsAreBounded(t *testing.T) {
	tokens := startedTokens(t)
	mintListed(t, tokens, Claims{Room: "a"})
	for i := range maxInvitations - 1 {
		id := strconv.Itoa(i)
		tokens.ledger.list[id] = &Invitation{ID: id, Room: "a", By: "x", Ends: time.Now().Add(time.Hour)}
	}
	tokens.ledger.lost = errors.New("kept in memory for this test")
	if _, err := tokens.Mint(Claims{Room: "a", By: "x"}, time.Hour); !errors.Is(err, ErrTooManyInvitations) {
		t.Errorf("one more: %v", err)
	}
	for _, i := range tokens.ledger.list {
		i.Ends = time.Now().Add(-25 * time.Hour)
	}
	text := mintListed(t, tokens, Claims{Room: "a"})
	if len(tokens.ledger.list) != 1 {
		t.Errorf("%d are remembered", len(tokens.ledger.list))
	}
	if err := os.WriteFile(filepath.Join(tokens.StateDir, state.Invitations), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	after := &Tokens{StateDir: tokens.StateDir}
	if err := after.Start(); err == nil || !strings.Contains(err.Error(), state.Invitations) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, err := after.Verify(text); !errors.Is(err, ErrToken) {
		t.Errorf("with a damaged file: %v", err)
	}
}

// Rooms are known by one spelling, and one that looks like a room of the settings is
// none.
func TestSpellingsOfRooms(t *testing.T) {
	g := &Gate{Tokens: startedTokens(t)}
	g.SetRooms([]config.Room{
		{Name: "küche", Access: config.AccessPassword, Password: "correct horse"}, {Name: "cope", Access: config.AccessLAN}, {Name: "кухня", Access: config.AccessLAN},
	}, config.AccessOpen)
	const home = "192.168.1.20:1"
	if _, err := g.Admit(request(home), "ku\u0308che", Credentials{}); !errors.Is(err, ErrNeedsPassword) {
		t.Errorf("by another spelling: %v", err)
	}
	token, err := g.Tokens.Mint(Claims{Room: "ku\u0308che"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"küche", "ku\u0308che"} {
		if grant, err := g.Admit(request(home), room, Credentials{Token: token}); err != nil || grant.Room != "küche" {
			t.Errorf("%+q: %+v, %v", room, grant, err)
		}
	}
	for room, want := range map[string]error{"соре": ErrAlikeRoom, "кухня": nil, "cope": nil, "C0PE": nil, "キッチン": nil} {
		if _, err := g.Admit(request(home), room, Credentials{}); !errors.Is(err, want) {
			t.Errorf("%q: %v", room, err)
		}
	}
}

// The admin's password makes moderators on the local network, and wrong ones count as
// those of logins.
func TestAdmitModerator(t *testing.T) {
	admins := &Admins{Password: "correct horse"}
	if err := admins.Start(); err != nil {
		t.Fatal(err)
	}
	g := &Gate{Admins: admins}
	const home, away = "192.168.1.20:1", "198.51.100.7:1"
	for _, c := range []struct {
		peer, password string
		want           error
	}{{home, "correct horse", nil}, {home, "wrong", ErrAdminPassword}, {home, "", ErrAdminPassword}, {away, "correct horse", ErrModerator}} {
		if err := g.AdmitModerator(request(c.peer), c.password); !errors.Is(err, c.want) {
			t.Errorf("%s, %q: %v", c.peer, c.password, err)
		}
	}
	if !g.MayAskToModerate(request(home)) || g.MayAskToModerate(request(away)) || (&Gate{}).MayAskToModerate(request(home)) {
		t.Error("who may ask")
	}
	if err := (&Gate{}).AdmitModerator(request(home), "x"); !errors.Is(err, ErrNoAdmin) {
		t.Errorf("without admins: %v", err)
	}
	for range freeAttempts {
		_ = g.AdmitModerator(request(home), "wrong")
	}
	if _, err := admins.Login(g.Client(request(home)), "correct horse"); wait(err) == 0 {
		t.Errorf("after many wrong ones, a login: %v", err)
	}
}
