package routing

import (
	"fmt"
	"testing"
	"time"
)

func id(n int) NodeID { return NodeID(fmt.Sprintf("%016x", n)) }

func everyRoom(string) bool { return true }

func newTable(self int) *Table[string] {
	return NewTable(id(self), func(a, b string) bool { return a == b })
}

// offer says that who at the last node of the path is reached by it.
func offer(who string, path ...int) Offer[string] {
	o := Offer[string]{Room: "den", Info: "info"}
	for _, n := range path {
		o.Path = append(o.Path, id(n))
	}
	o.Key = Key{id(path[len(path)-1]), who}
	return o
}

func TestParseNodeID(t *testing.T) {
	for s, ok := range map[string]bool{
		"0123456789abcdef": true, "": false, "0123456789ABCDEF": false, "0123456789abcde": false, "0123456789abcdef0": false, "0123456789abcdeg": false,
	} {
		if _, err := ParseNodeID(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestOffersThatAreNotTaken(t *testing.T) {
	for name, o := range map[string]Offer[string]{
		"a path through this node":         offer("x", 2, 1, 3),
		"a participant of this node":       offer("x", 2, 1),
		"another first node":               offer("x", 4, 3),
		"another last node":                {Key: Key{id(5), "x"}, Room: "den", Path: []NodeID{id(2), id(3)}},
		"a node twice":                     offer("x", 2, 3, 3),
		"no path":                          {Key: Key{id(3), "x"}, Room: "den"},
		"a path that is too long":          offer("x", 2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35),
		"time that goes back":              {Key: Key{id(2), "x"}, Room: "den", Path: []NodeID{id(2)}, RTT: -1},
		"a room that the trunk is not for": {Key: Key{id(2), "x"}, Room: "attic", Path: []NodeID{id(2)}},
	} {
		tab := newTable(1)
		tab.Up("t", id(2), func(room string) bool { return room == "den" }, 0)
		tab.Apply("t", []Offer[string]{o}, nil)
		if _, ok := tab.Best(o.Key); ok || len(tab.entries) != 0 {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestBest(t *testing.T) {
	key := Key{id(9), "x"}
	via := func(tab *Table[string]) string {
		r, _ := tab.Best(key)
		return r.Trunk
	}
	tab := newTable(1)
	for i, trunk := range []string{"a", "b", "c"} {
		tab.Up(trunk, id(2+i), everyRoom, 10*time.Millisecond)
	}
	tab.Apply("a", []Offer[string]{offer("x", 2, 5, 9)}, nil)
	if via(tab) != "a" {
		t.Error("the only way is not taken")
	}
	tab.Apply("b", []Offer[string]{offer("x", 3, 9)}, nil)
	if via(tab) != "b" {
		t.Error("the shorter way is not taken")
	}
	c := offer("x", 4, 9)
	c.RTT = 5 * time.Millisecond
	tab.Apply("c", []Offer[string]{c}, nil)
	if via(tab) != "b" {
		t.Error("a way that is no better is taken")
	}
	tab.SetRoundTrip("b", 100*time.Millisecond)
	if via(tab) != "c" {
		t.Error("the faster way is not taken")
	}
	tab.SetRoundTrip("b", 10*time.Millisecond)
	if via(tab) != "c" {
		t.Error("it flaps")
	}
	tab.Apply("c", nil, []Key{key})
	if via(tab) != "b" {
		t.Error("a way that was withdrawn is still taken")
	}
	tab.Down("b")
	if via(tab) != "a" {
		t.Error("a way whose trunk is gone is still taken")
	}
	// An offer that leads back here takes the earlier one away.
	tab.Apply("a", []Offer[string]{offer("x", 2, 1, 9)}, nil)
	if via(tab) != "" || len(tab.entries) != 0 {
		t.Error("a way that leads back here is taken")
	}
}

func TestTellsNeighbours(t *testing.T) {
	tab := newTable(1)
	tab.SetLocal("own", "den", "1")
	tab.SetLocal("secret", "attic", "1")
	tab.Up("a", id(2), func(room string) bool { return room == "den" }, 0)
	tab.Up("b", id(3), everyRoom, 0)
	told := func(trunk string) (s string) {
		offers, withdrawn := tab.Pending(trunk, 100)
		for _, o := range offers {
			s += fmt.Sprintf("+%s/%d ", o.Key.Participant, len(o.Path))
		}
		for _, k := range withdrawn {
			s += "-" + k.Participant + " "
		}
		return s
	}
	if s := told("a"); s != "+own/1 " {
		t.Errorf("a is told %q", s)
	}
	_, _ = tab.Pending("b", 100)
	tab.Apply("a", []Offer[string]{offer("x", 2)}, nil)
	if s := told("a"); s != "" {
		t.Errorf("a is told %q of its own", s)
	}
	if s := told("b"); s != "+x/2 " {
		t.Errorf("b is told %q", s)
	}
	// However often something changes, its newest state is told once.
	for i := range 1000 {
		tab.SetLocal("own", "den", fmt.Sprint(i))
	}
	if n := len(tab.trunks["a"].pending.list); n != 1 {
		t.Errorf("%d wait", n)
	}
	if s := told("a"); s != "+own/1 " {
		t.Errorf("a is told %q", s)
	}
	tab.RemoveLocal("own")
	tab.Down("a")
	if s := told("b"); s != "-own -x " && s != "-x -own " {
		t.Errorf("b is told %q", s)
	}
	if tab.Told("b", Key{id(2), "x"}) || tab.HasPending("b") {
		t.Error("there is more to tell")
	}
}

func TestLimits(t *testing.T) {
	tab := newTable(1)
	tab.MaxParticipants, tab.MaxCost = 10, 1000
	tab.Cost = func(s string) int { return len(s) }
	tab.Up("a", id(2), everyRoom, 0)
	tab.Up("b", id(3), everyRoom, 0)
	tab.Apply("b", []Offer[string]{offer("mine", 3)}, nil)
	for i := range 100_000 {
		tab.Apply("a", []Offer[string]{offer(fmt.Sprint(i), 2)}, nil)
	}
	if n := len(tab.entries); n != 11 {
		t.Errorf("%d participants are kept", n)
	}
	if tab.Refused("a") != 100_000-10 {
		t.Errorf("%d were refused", tab.Refused("a"))
	}
	if _, ok := tab.Best(Key{id(3), "mine"}); !ok {
		t.Error("another neighbour's were displaced")
	}
	big := offer("0", 2)
	big.Info = string(make([]byte, 1001))
	tab.Apply("a", []Offer[string]{big}, nil)
	if _, ok := tab.Best(big.Key); ok {
		t.Error("more than may be offered was taken")
	}
	tab.Down("a")
	if len(tab.entries) != 1 {
		t.Errorf("%d are left", len(tab.entries))
	}
}

func FuzzApply(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		tab := newTable(0)
		tab.MaxParticipants = 8
		for i, trunk := range []string{"a", "b"} {
			tab.Up(trunk, id(1+i), func(room string) bool { return room != "attic" }, 0)
		}
		next := func() int {
			if len(b) == 0 {
				return 0
			}
			v := int(b[0])
			b = b[1:]
			return v
		}
		for len(b) > 0 {
			trunk := []string{"a", "b", "c"}[next()%3]
			o := Offer[string]{Room: []string{"den", "attic"}[next()%2], RTT: time.Duration(next()) * time.Millisecond, Info: fmt.Sprint(next())}
			for range next() % 20 {
				o.Path = append(o.Path, id(next()%6))
			}
			o.Key = Key{id(next() % 6), fmt.Sprint(next() % 12)}
			if len(o.Path) > 0 && next()%4 > 0 {
				o.Key.Origin = o.Path[len(o.Path)-1]
			}
			switch next() % 8 {
			case 0:
				tab.Apply(trunk, nil, []Key{o.Key})
			case 1:
				tab.Down(trunk)
			case 2:
				tab.Up(trunk, id(1+next()%3), everyRoom, 0)
			case 3:
				_, _ = tab.Pending(trunk, 3)
			default:
				tab.Apply(trunk, []Offer[string]{o}, nil)
			}
			for name, n := range tab.trunks {
				if len(n.offers) > tab.MaxParticipants {
					t.Fatalf("%s has %d offers", name, len(n.offers))
				}
				for key := range n.offers {
					if tab.entries[key] == nil || tab.entries[key].offers[name] == nil {
						t.Fatalf("an offer of %s is in no entry", name)
					}
				}
			}
			for key, e := range tab.entries {
				if r, ok := tab.Best(key); ok != (len(e.offers) > 0) || ok && e.offers[r.Trunk] == nil {
					t.Fatalf("%+v has %d offers and the route %+v", key, len(e.offers), r)
				}
			}
		}
	})
}
