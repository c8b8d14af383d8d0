package routing

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// mirror is what somebody knows who has only heard what a table said.
type mirror struct {
	node  NodeID
	rooms func(string) bool
	knows map[Key]Offer[string]
}

// FuzzApply has neighbours say anything, come, go and be slow. The table keeps
// its limits and its books; and whoever listened to it knows in the end what it
// holds, no more and no less.
func FuzzApply(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte("a neighbour that says one thing, and then another, and then goes, and comes again"))
	f.Fuzz(func(t *testing.T, b []byte) {
		next := func(n int) int {
			if len(b) == 0 {
				return 0
			}
			v := int(b[0])
			b = b[1:]
			return v % n
		}
		tab := newTable(0)
		tab.MaxParticipants, tab.MaxCost = 6, 600
		tab.Cost = func(s string) int { return len(s) }
		mirrors := map[string]*mirror{}
		here := map[Key]Route[string]{} // what a reader of Changed knows
		up := func(trunk string, node int, rooms func(string) bool, rtt int) {
			tab.Up(trunk, id(node), rooms, time.Duration(rtt)*time.Millisecond)
			mirrors[trunk] = &mirror{id(node), rooms, map[Key]Offer[string]{}}
		}
		hear := func(trunk string, most int) {
			offers, withdrawn := tab.Pending(trunk, most)
			if len(offers)+len(withdrawn) > most {
				t.Fatalf("%d keys were told, not %d", len(offers)+len(withdrawn), most)
			}
			for _, k := range withdrawn {
				if _, known := mirrors[trunk].knows[k]; !known {
					t.Fatalf("%v was withdrawn, which was never told", k)
				}
				delete(mirrors[trunk].knows, k)
			}
			for _, o := range offers {
				mirrors[trunk].knows[o.Key] = o
			}
		}
		read := func() {
			for _, k := range tab.Changed() {
				r, ok := tab.Best(k)
				if _, known := here[k]; !ok && !known {
					t.Fatalf("%v is told as gone, which never came", k)
				}
				if here[k] = r; !ok {
					delete(here, k)
				}
			}
		}
		up("a", 1, onlyDen, 0)
		up("b", 2, everyRoom, 30)
		for len(b) > 0 {
			trunk := []string{"a", "b", "c"}[next(3)]
			o := Offer[string]{Room: []string{"den", "attic"}[next(2)], RTT: time.Duration(next(256)-2) * time.Millisecond}
			o.Info = fmt.Sprint(next(3))
			for range next(20) {
				o.Path = append(o.Path, id(next(8)))
			}
			o.Key = Key{id(next(8)), fmt.Sprint(next(5))}
			if n := tab.trunks[trunk]; n != nil && next(4) > 0 { // most are as they should be
				o.Path = slices.Insert(o.Path, 0, n.node)
				o.Key.Origin = o.Path[len(o.Path)-1]
			}
			switch next(16) {
			case 0, 1, 2:
				tab.Apply(trunk, nil, []Key{o.Key})
			case 3:
				tab.Down(trunk)
				delete(mirrors, trunk)
			case 4:
				up(trunk, 1+next(3), []func(string) bool{everyRoom, onlyDen}[next(2)], next(256))
			case 5:
				hear(trunk, next(4))
			case 6:
				read()
			case 7:
				tab.SetRoundTrip(trunk, time.Duration(next(256))*time.Millisecond)
			case 8:
				tab.SetLocal(o.Key.Participant, o.Room, o.Info)
			case 9:
				tab.RemoveLocal(o.Key.Participant)
			default:
				tab.Apply(trunk, []Offer[string]{o}, nil)
			}
			consistent(t, tab)
		}
		read()
		if routes := tab.Routes(); len(routes) != len(here) {
			t.Fatalf("there are %d routes, and %d were told", len(routes), len(here))
		}
		for k, was := range here {
			if r, ok := tab.Best(k); !ok || r.Trunk != was.Trunk || !r.sameWay(&was.Offer) || r.Info != was.Info {
				t.Fatalf("the route is %+v, and %+v was told", r, was)
			}
		}
		for trunk, m := range mirrors {
			for tab.HasPending(trunk) {
				hear(trunk, 3)
			}
			knowsAll(t, tab, trunk, m)
		}
	})
}

// knowsAll compares what a neighbour heard with what the rules say it should
// know.
func knowsAll(t *testing.T, tab *Table[string], trunk string, m *mirror) {
	t.Helper()
	should := map[Key]Offer[string]{}
	for k, e := range tab.entries {
		o := Offer[string]{Key: k, Path: []NodeID{tab.self}}
		if e.own == nil && e.best == nil {
			continue
		}
		if e.own != nil {
			o.Room, o.Info = e.own.Room, e.own.Info
		} else {
			r, _ := tab.Best(k)
			o.Room, o.Info, o.RTT, o.Path = r.Room, r.Info, r.RTT, append(o.Path, r.Path...)
		}
		if len(o.Path) <= MaxPath && !slices.Contains(o.Path, m.node) && m.rooms(o.Room) {
			should[k] = o
		}
	}
	if len(should) != len(m.knows) {
		t.Fatalf("%s knows %v, and should know %v", trunk, m.knows, should)
	}
	for k, o := range should {
		if knows, ok := m.knows[k]; !ok || !knows.sameWay(&o) || knows.Info != o.Info || farApart(knows.RTT, o.RTT) || !tab.Told(trunk, k) {
			t.Fatalf("%s knows %+v, and should know %+v", trunk, knows, o)
		}
	}
}

// consistent looks whether a table keeps its limits and its own books.
func consistent(t *testing.T, tab *Table[string]) {
	t.Helper()
	candidates := 0
	for name, n := range tab.trunks {
		cost := 0
		for key, c := range n.offers {
			if tab.entries[key] == nil || !slices.Contains(tab.entries[key].candidates, c) || c.from != n || c.offer.Key != key {
				t.Fatalf("an offer of %s is not in its entry", name)
			}
			cost += c.cost
			candidates++
		}
		if len(n.offers) > tab.MaxParticipants || cost > tab.MaxCost || cost != n.cost {
			t.Fatalf("%s has %d offers at a cost of %d, %d in the books", name, len(n.offers), cost, n.cost)
		}
		for key := range n.pending.turns {
			if e := tab.entries[key]; (e == nil || e.own == nil && e.best == nil) && n.told[key] == nil {
				t.Fatalf("%v waits for %s, which does not know it", key, name)
			}
		}
		for key, room := range n.gone {
			if e := tab.entries[key]; e == nil || len(e.candidates) == 0 || n.offers[key] != nil || !n.carries(room) {
				t.Fatalf("%s is known to have withdrawn %v for nothing", name, key)
			}
		}
		if !slices.Contains(tab.byNode[n.node], n) {
			t.Fatalf("%s is not found by its node", name)
		}
		if len(n.pending.list) > 2*(n.pending.len()+1)+spare {
			t.Fatalf("%d keys wait for %s, in %d places", n.pending.len(), name, len(n.pending.list))
		}
	}
	for key, e := range tab.entries {
		candidates -= len(e.candidates)
		if e.own != nil && (key.Origin != tab.self || e.best != nil || len(e.candidates) > 0) || e.own == nil && len(e.candidates) == 0 {
			t.Fatalf("%v is %+v", key, e)
		}
		for _, c := range e.candidates {
			o := c.offer
			if !wellFormed(c.from.node, &o) || slices.Contains(o.Path, tab.self) || !c.from.carries(o.Room) || key.Origin == tab.self {
				t.Fatalf("%+v was taken", o)
			}
			if !tab.stands(c) {
				if c == e.best {
					t.Fatalf("%+v is used, and does not stand", o)
				}
				continue
			}
			if e.best == nil || len(o.Path) < len(e.best.offer.Path) || len(o.Path) == len(e.best.offer.Path) && clearlyLess(c.rtt(), e.best.rtt()) {
				t.Fatalf("%+v is better than %+v", o, e.best)
			}
		}
	}
	if candidates != 0 {
		t.Fatalf("%d offers are in an entry, but no neighbour's", -candidates)
	}
}
