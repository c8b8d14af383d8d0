package node

import (
	"errors"
	"strings"
	"testing"

	"umbrella/internal/sfu"
)

// Whom a name or an id means that an administrator sends away: of several with one name,
// as players have, nobody.
func TestWhoIsSentAway(t *testing.T) {
	s := &sfu.SFU{}
	join := func(e sfu.Entry) *sfu.Participant {
		t.Helper()
		e.Room = "den"
		p, err := s.Join(e)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Leave)
		return p
	}
	ada := join(sfu.Entry{Name: "Ada", Kind: sfu.Person})
	one := join(sfu.Entry{Name: "Player", Kind: sfu.Stream, ViewOnly: true})
	two := join(sfu.Entry{Name: "Player", Kind: sfu.Stream, ViewOnly: true})
	far := join(sfu.Entry{Name: "Bob", Kind: sfu.Person, Node: "attic", Origin: "aaaaaaaaaaaaaaaa"})
	for who, want := range map[string]*sfu.Participant{"Ada": ada, ada.ID: ada, one.ID: one, two.ID: two, far.ID: far} {
		if p, err := toRemove(ada.Room(), who); p != want || err != nil {
			t.Errorf("%q: %v, %v", who, p, err)
		}
	}
	for who, want := range map[string]error{"Player": errSeveral, "Bob": sfu.ErrRemote, "Eve": sfu.ErrNobody, "": sfu.ErrNobody} {
		p, err := toRemove(ada.Room(), who)
		if p != nil || !errors.Is(err, want) {
			t.Errorf("%q: %v, %v", who, p, err)
		}
		if want == errSeveral && (!strings.Contains(err.Error(), one.ID) || !strings.Contains(err.Error(), two.ID)) {
			t.Errorf("%q: %v", who, err)
		}
	}
}
