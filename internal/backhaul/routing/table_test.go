package routing

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func id(n int) NodeID { return NodeID(fmt.Sprintf("%016x", n)) }

func everyRoom(string) bool { return true }

func onlyDen(room string) bool { return room == "den" }

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

// timed is an offer with a round-trip time in milliseconds.
func timed(rtt int, who string, path ...int) Offer[string] {
	o := offer(who, path...)
	o.RTT = time.Duration(rtt) * time.Millisecond
	return o
}

// told is what a neighbour is told now: + with the hops, or -.
func told(tab *Table[string], trunk string) string {
	var s []string
	offers, withdrawn := tab.Pending(trunk, math.MaxInt)
	for _, o := range offers {
		s = append(s, fmt.Sprintf("+%s/%d", o.Key.Participant, len(o.Path)))
	}
	for _, k := range withdrawn {
		s = append(s, "-"+k.Participant)
	}
	return strings.Join(s, " ")
}

func changed(tab *Table[string]) string {
	var s []string
	for _, k := range tab.Changed() {
		s = append(s, k.Participant)
	}
	return strings.Join(s, " ")
}

func TestParseNodeID(t *testing.T) {
	for s, ok := range map[string]bool{
		"0123456789abcdef": true, "": false, "0123456789ABCDEF": false, "0123456789abcde": false, "0123456789abcdef0": false, "0123456789abcdeg": false,
	} {
		if id, err := ParseNodeID(s); (err == nil) != ok || ok && string(id) != s {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
}

func TestOffersThatAreNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		offer   Offer[string]
		refused Refusals
	}{
		"a path through this node":         {offer("x", 2, 1, 3), Refusals{}},
		"a participant of this node":       {offer("x", 2, 1), Refusals{Own: 1}},
		"another first node":               {offer("x", 4, 3), Refusals{Malformed: 1}},
		"another last node":                {Offer[string]{Key: Key{id(5), "x"}, Room: "den", Path: []NodeID{id(2), id(3)}}, Refusals{Malformed: 1}},
		"a node twice":                     {offer("x", 2, 3, 4, 3), Refusals{Malformed: 1}},
		"no path":                          {Offer[string]{Key: Key{id(3), "x"}, Room: "den"}, Refusals{Malformed: 1}},
		"a path of 17 nodes":               {offer("x", 2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35), Refusals{Malformed: 1}},
		"time that goes back":              {timed(-1, "x", 2), Refusals{Malformed: 1}},
		"a room that the trunk is not for": {Offer[string]{Key: Key{id(2), "x"}, Room: "attic", Path: []NodeID{id(2)}}, Refusals{}},
	} {
		t.Run(name, func(t *testing.T) {
			tab := newTable(1)
			tab.Up("t", id(2), onlyDen, 0)
			tab.Apply("t", []Offer[string]{c.offer}, nil)
			if _, ok := tab.Best(c.offer.Key); ok || len(tab.entries) != 0 || changed(tab) != "" {
				t.Error("it was taken")
			}
			if r := tab.Refused("t"); r != c.refused || (r.Total() > 0) != strings.HasPrefix(r.String(), "announcements refused: 1 ") {
				t.Errorf("%+v were refused: %q", r, r)
			}
			if c.offer.Key.Origin == id(1) || len(c.offer.Path) == 0 || c.offer.Key.Origin == id(5) {
				return
			}
			// It also takes back what was offered before under that key.
			origin := 3
			if c.offer.Key.Origin == id(2) {
				origin = 2
			}
			before := offer("x", slices.Compact([]int{2, origin})...)
			before.Key = c.offer.Key
			before.Path[len(before.Path)-1] = c.offer.Key.Origin
			tab.Apply("t", []Offer[string]{before}, nil)
			if _, ok := tab.Best(before.Key); !ok {
				t.Fatal("the offer before was not taken")
			}
			tab.Apply("t", []Offer[string]{c.offer}, nil)
			if _, ok := tab.Best(before.Key); ok {
				t.Error("the offer before still stands")
			}
		})
	}
}

func TestLongestPath(t *testing.T) {
	tab := newTable(1)
	tab.Up("t", id(2), everyRoom, 0)
	tab.Up("u", id(3), everyRoom, 0)
	path := []int{2}
	for i := range MaxPath - 1 {
		path = append(path, 20+i)
	}
	tab.Apply("t", []Offer[string]{offer("x", path...), offer("y", path[:MaxPath-1]...)}, nil)
	if s := changed(tab); s != "x y" {
		t.Errorf("%q can be reached", s)
	}
	if s := told(tab, "u"); s != "+y/16" {
		t.Errorf("a neighbour is told %q", s)
	}
}

// TestBest gives offers of three trunks one after the other, and looks which
// trunk is in use after each.
func TestBest(t *testing.T) {
	key := Key{id(9), "x"}
	type step struct {
		trunk    string
		offer    *Offer[string] // nil: withdrawn
		trip     int            // round trip of the trunk from now on, ms; 0: as it is
		down     bool
		want     string
		announce bool // the neighbour q is to be told
	}
	via := func(rtt int, path ...int) *Offer[string] {
		o := timed(rtt, "x", path...)
		return &o
	}
	for name, steps := range map[string][]step{
		"fewest hops, whatever the time": {
			{trunk: "a", offer: via(0, 2, 5, 9), want: "a", announce: true},
			{trunk: "b", offer: via(900, 3, 9), want: "b", announce: true},
			{trunk: "c", offer: via(0, 4, 5, 9), want: "b"},
		},
		"one in use stays while another is not clearly faster": {
			{trunk: "b", offer: via(100, 3, 9), want: "b", announce: true},
			{trunk: "a", offer: via(100, 2, 9), want: "b"},
			{trunk: "a", offer: via(81, 2, 9), want: "b"},
			{trunk: "a", offer: via(70, 2, 9), want: "a", announce: true},
			{trunk: "b", offer: via(60, 3, 9), want: "a"},
		},
		"20 ms are not enough of much": {
			{trunk: "a", offer: via(490, 2, 9), want: "a", announce: true},
			{trunk: "b", offer: via(460, 3, 9), want: "a"},
			{trunk: "b", offer: via(390, 3, 9), want: "b", announce: true},
		},
		"a fifth is not enough of little": {
			{trunk: "a", offer: via(20, 2, 9), want: "a", announce: true},
			{trunk: "b", offer: via(1, 3, 9), want: "a"},
			{trunk: "b", offer: via(0, 3, 9), want: "b", announce: true},
		},
		"the fastest follows one that goes, however little it is faster": {
			{trunk: "a", offer: via(0, 2, 9), want: "a", announce: true},
			{trunk: "b", offer: via(11, 3, 9), want: "a"},
			{trunk: "c", offer: via(10, 4, 9), want: "a"},
			{trunk: "a", want: "c", announce: true},
			{trunk: "c", down: true, want: "b", announce: true},
			{trunk: "b", down: true, want: "", announce: true},
		},
		"the smallest id follows among equals": {
			{trunk: "a", offer: via(0, 2, 9), want: "a", announce: true},
			{trunk: "c", offer: via(10, 4, 9), want: "a"},
			{trunk: "b", offer: via(10, 3, 9), want: "a"},
			{trunk: "a", want: "b", announce: true},
		},
		"the trunk's own time counts": {
			{trunk: "a", offer: via(0, 2, 9), want: "a", announce: true},
			{trunk: "b", offer: via(0, 3, 9), want: "a"},
			{trunk: "a", trip: 25, want: "a"},
			{trunk: "a", trip: 100, want: "b", announce: true},
			{trunk: "a", trip: 10, want: "b"},
		},
		"one in use that has become longer is left": {
			{trunk: "a", offer: via(0, 2, 9), want: "a", announce: true},
			{trunk: "b", offer: via(0, 3, 5, 9), want: "a"},
			{trunk: "a", offer: via(0, 2, 6, 5, 9), want: "b", announce: true},
		},
		"one in use that leads through here is left": {
			{trunk: "a", offer: via(0, 2, 9), want: "a", announce: true},
			{trunk: "a", offer: via(0, 2, 1, 9), want: "", announce: true},
		},
		"another way behind the same trunk is told": {
			{trunk: "a", offer: via(0, 2, 5, 9), want: "a", announce: true},
			{trunk: "a", offer: via(0, 2, 6, 9), want: "a", announce: true},
			{trunk: "a", offer: via(0, 2, 6, 9), want: "a"},
		},
		"time that creeps is told when it has come far": {
			{trunk: "a", offer: via(10, 2, 9), want: "a", announce: true},
			{trunk: "a", offer: via(25, 2, 9), want: "a"},
			{trunk: "a", offer: via(40, 2, 9), want: "a", announce: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tab := newTable(1)
			for i, trunk := range []string{"a", "b", "c"} {
				tab.Up(trunk, id(2+i), everyRoom, 10*time.Millisecond)
			}
			tab.Up("q", id(100), everyRoom, 0)
			for i, s := range steps {
				switch {
				case s.down:
					tab.Down(s.trunk)
				case s.trip > 0:
					tab.SetRoundTrip(s.trunk, time.Duration(s.trip)*time.Millisecond)
				case s.offer == nil:
					tab.Apply(s.trunk, nil, []Key{key})
				default:
					tab.Apply(s.trunk, []Offer[string]{*s.offer}, nil)
				}
				r, ok := tab.Best(key)
				if ok != (s.want != "") || r.Trunk != s.want {
					t.Fatalf("step %d: by %q, want %q", i, r.Trunk, s.want)
				}
				if tells := told(tab, "q"); (tells != "") != s.announce {
					t.Fatalf("step %d: a neighbour is told %q", i, tells)
				}
			}
		})
	}
}

// TestRoutesThatDoNotStand gives offers that lead through b, which is a neighbour
// as well and knows better.
func TestRoutesThatDoNotStand(t *testing.T) {
	x := Key{id(9), "x"}
	for _, c := range []struct {
		name string
		do   func(tab *Table[string])
		want string
	}{
		{"b has left it", func(tab *Table[string]) { tab.Apply("b", nil, []Key{x}) }, ""},
		{"b has left it twice", func(tab *Table[string]) { tab.Apply("b", nil, []Key{x, x}) }, ""},
		{"b goes another way", func(tab *Table[string]) { tab.Apply("b", []Offer[string]{offer("x", 3, 7, 8, 9)}, nil) }, "b"},
		{"b has left it, and a is late", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			tab.Apply("a", []Offer[string]{offer("x", 2, 3, 9)}, nil)
		}, ""},
		{"b has left it, and a has heard of it", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			tab.Apply("a", []Offer[string]{offer("x", 2, 5, 9)}, nil)
		}, "a"},
		{"b has left it, and comes back to it", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			tab.Apply("b", []Offer[string]{offer("x", 3, 9)}, nil)
			tab.Apply("b", nil, nil)
		}, "b"},
		{"b's trunk is down: who knows what b has", func(tab *Table[string]) { tab.Down("b") }, "a"},
		{"b has left it, and its trunk is down", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			tab.Down("b")
		}, "a"},
		{"b has left it, and comes up anew", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			tab.Up("b", id(3), everyRoom, 0)
		}, "a"},
		{"b goes by us", func(tab *Table[string]) { tab.Apply("b", []Offer[string]{offer("x", 3, 1, 9)}, nil) }, "a"},
		{"b has left it, and then offers too much", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			tab.MaxCost = 1
			tab.Apply("b", []Offer[string]{offer("x", 3, 9)}, nil)
		}, "a"},
		{"b has left it, and then offers too many", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			tab.MaxParticipants = 0
			tab.Apply("b", []Offer[string]{offer("x", 3, 9)}, nil)
		}, "a"},
		{"x has gone to another room, of which b says nothing", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			moved := offer("x", 2, 3, 9)
			moved.Room = "attic"
			tab.Apply("a", []Offer[string]{moved}, nil)
		}, "a"},
		{"x has gone to another room, and b has not heard", func(tab *Table[string]) {
			moved := offer("x", 2, 3, 9)
			moved.Room = "attic"
			tab.Apply("a", []Offer[string]{moved}, nil)
			tab.Apply("b", []Offer[string]{offer("x", 3, 7, 8, 9)}, nil)
		}, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := newTable(1)
			tab.Up("a", id(2), everyRoom, 0)
			tab.Up("b", id(3), everyRoom, 0)
			tab.Up("q", id(100), everyRoom, 0)
			tab.Apply("a", []Offer[string]{offer("x", 2, 3, 9)}, nil)
			tab.Apply("b", []Offer[string]{offer("x", 3, 9)}, nil)
			if r, _ := tab.Best(x); r.Trunk != "b" || r.Alternatives != 1 || told(tab, "q") != "+x/3" || changed(tab) != "x" {
				t.Fatalf("by %+v at first", r)
			}
			c.do(tab)
			r, ok := tab.Best(x)
			if ok != (c.want != "") || r.Trunk != c.want {
				t.Errorf("by %q, want %q", r.Trunk, c.want)
			}
			if s := told(tab, "q"); (s == "-x") != (c.want == "") {
				t.Errorf("a neighbour is told %q", s)
			}
			for _, trunk := range []string{"a", "b"} {
				tab.Down(trunk)
			}
			_ = told(tab, "q")
			if len(tab.entries) != 0 || len(tab.trunks["q"].told) != 0 || len(tab.byNode) != 1 {
				t.Errorf("%d entries are left", len(tab.entries))
			}
		})
	}
}

// TestOneInUseDoesNotStand leaves a route for another one that is no faster,
// because a node on it says that it has gone.
func TestOneInUseDoesNotStand(t *testing.T) {
	x := Key{id(9), "x"}
	tab := newTable(1)
	for i, trunk := range []string{"a", "b", "c"} {
		tab.Up(trunk, id(2+i), everyRoom, 0)
	}
	tab.Apply("c", []Offer[string]{offer("x", 4, 7, 8, 9)}, nil)
	tab.Apply("a", []Offer[string]{offer("x", 2, 5, 9)}, nil)
	tab.Apply("b", []Offer[string]{offer("x", 3, 6, 9)}, nil)
	if r, _ := tab.Best(x); r.Trunk != "a" {
		t.Fatalf("by %q at first", r.Trunk)
	}
	tab.Up("d", id(5), everyRoom, 0)
	tab.Apply("d", []Offer[string]{offer("x", 5, 7, 8, 9)}, nil)
	if r, _ := tab.Best(x); r.Trunk != "b" || r.Alternatives != 2 {
		t.Errorf("by %+v", r)
	}
}

// TestForgedPath has a neighbour say that it is near to those of another one.
func TestForgedPath(t *testing.T) {
	tab := newTable(1)
	tab.Up("honest", id(2), everyRoom, 50*time.Millisecond)
	tab.Up("liar", id(3), everyRoom, 0)
	tab.Apply("honest", []Offer[string]{offer("x", 2), offer("y", 2, 7, 9)}, nil)
	tab.Apply("liar", []Offer[string]{offer("x", 3, 2), offer("z", 3, 2), offer("y", 3, 2, 9)}, nil)
	for who, trunk := range map[Key]string{{id(2), "x"}: "honest", {id(9), "y"}: "honest"} {
		if r, _ := tab.Best(who); r.Trunk != trunk {
			t.Errorf("%s is reached by %q", who.Participant, r.Trunk)
		}
	}
	tab.Apply("honest", nil, []Key{{id(2), "x"}})
	if r, ok := tab.Best(Key{id(2), "x"}); ok {
		t.Errorf("one who has left is reached by %q", r.Trunk)
	}
}

func TestOrderOfOffersDoesNotMatterAtFirst(t *testing.T) {
	// 10, 25 and 40 ms: neighbours in this list are not clearly apart.
	for range 20 {
		tab := newTable(1)
		tab.Up("gone", id(50), everyRoom, 0)
		tab.Apply("gone", []Offer[string]{offer("x", 50, 9)}, nil)
		for i, rtt := range []int{40, 25, 10} {
			trunk := fmt.Sprint(i)
			tab.Up(trunk, id(2+i), everyRoom, 0)
			tab.Apply(trunk, []Offer[string]{timed(rtt, "x", 2+i, 9)}, nil)
		}
		tab.Down("gone")
		if r, _ := tab.Best(Key{id(9), "x"}); r.Trunk != "2" {
			t.Fatalf("by %q", r.Trunk)
		}
	}
}

func TestRoutes(t *testing.T) {
	tab := newTable(1)
	tab.Up("a", id(2), everyRoom, 10*time.Millisecond)
	tab.Up("b", id(3), everyRoom, 20*time.Millisecond)
	tab.SetLocal("own", "den", "1")
	tab.Apply("a", []Offer[string]{timed(5, "y", 2, 9), timed(5, "x", 2, 9)}, nil)
	tab.Apply("b", []Offer[string]{timed(5, "x", 3, 8, 9), timed(7, "z", 3)}, nil)
	var got []string
	for _, r := range tab.Routes() {
		got = append(got, fmt.Sprintf("%s in %s: %d hops, %v by %s, %d more", r.Key.Participant, r.Room, len(r.Path), r.RTT, r.Trunk, r.Alternatives))
	}
	want := []string{"z in den: 1 hops, 27ms by b, 0 more", "x in den: 2 hops, 15ms by a, 1 more", "y in den: 2 hops, 15ms by a, 0 more"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if r, ok := tab.Best(Key{id(9), "x"}); !ok || r.RTT != 15*time.Millisecond {
		t.Errorf("a round trip of %v", r.RTT)
	}
	if _, ok := tab.Best(Key{id(1), "own"}); ok {
		t.Error("there is a route to a participant of this node")
	}
}

// TestTwoTrunksToOneNode uses the better one, and leaves it without a gap.
func TestTwoTrunksToOneNode(t *testing.T) {
	tab := newTable(1)
	tab.SetLocal("own", "den", "1")
	tab.Up("slow", id(2), everyRoom, 200*time.Millisecond)
	tab.Up("fast", id(2), everyRoom, 10*time.Millisecond)
	for _, trunk := range []string{"slow", "fast"} {
		tab.Apply(trunk, []Offer[string]{offer("x", 2)}, nil)
		if s := told(tab, trunk); s != "+own/1" {
			t.Errorf("%s is told %q", trunk, s)
		}
	}
	x := Key{id(2), "x"}
	if r, _ := tab.Best(x); r.Trunk != "fast" || r.Alternatives != 1 || len(tab.Routes()) != 1 {
		t.Errorf("%+v", tab.Routes())
	}
	_ = tab.Changed()
	tab.Down("fast")
	if r, _ := tab.Best(x); r.Trunk != "slow" || changed(tab) != "x" {
		t.Errorf("%+v", tab.Routes())
	}
	if s := told(tab, "slow"); s != "" {
		t.Errorf("the node is told %q of its own", s)
	}
}

func TestTellsNeighbours(t *testing.T) {
	tab := newTable(1)
	tab.SetLocal("own", "den", "1")
	tab.SetLocal("secret", "attic", "1")
	tab.Up("a", id(2), onlyDen, 0)
	tab.Up("b", id(3), everyRoom, 0)
	if s := told(tab, "a"); s != "+own/1" {
		t.Errorf("a is told %q", s)
	}
	if s := told(tab, "b"); s != "+own/1 +secret/1" {
		t.Errorf("b is told %q", s)
	}
	if !tab.Carries("a", "den") || tab.Carries("a", "attic") || tab.Carries("c", "den") {
		t.Error("trunks carry other rooms than they are for")
	}
	tab.Apply("a", []Offer[string]{offer("x", 2)}, nil)
	if s := told(tab, "a"); s != "" {
		t.Errorf("a is told %q of its own", s)
	}
	if s := told(tab, "b"); s != "+x/2" {
		t.Errorf("b is told %q", s)
	}
	// b comes nearer to x than we are, by a way of its own: it is not told of
	// ours when that leads through it.
	tab.Down("a")
	tab.Apply("b", []Offer[string]{offer("x", 3, 2)}, nil)
	if s := told(tab, "b"); s != "-x" {
		t.Errorf("b is told %q", s)
	}
	// One who goes to a room that the trunk is not for is gone from it.
	tab.Up("a", id(2), onlyDen, 0)
	_ = told(tab, "a")
	tab.SetLocal("own", "attic", "1")
	if s := told(tab, "a"); s != "-own" {
		t.Errorf("a is told %q", s)
	}
	if s := told(tab, "b"); s != "+own/1" {
		t.Errorf("b is told %q", s)
	}
	tab.RemoveLocal("own")
	tab.RemoveLocal("nobody")
	if s := told(tab, "a") + told(tab, "b"); s != "-own" {
		t.Errorf("they are told %q", s)
	}
	if tab.Told("b", Key{id(1), "own"}) || !tab.Told("b", Key{id(1), "secret"}) || tab.HasPending("b") {
		t.Error("b was told something else")
	}
	// A trunk that comes up anew is told everything anew.
	tab.Up("b", id(3), everyRoom, 0)
	if s := told(tab, "b"); s != "+secret/1" {
		t.Errorf("b is told %q", s)
	}
}

func TestPendingInParts(t *testing.T) {
	tab := newTable(1)
	for i := range 25 {
		tab.SetLocal(fmt.Sprintf("%02d", i), "den", "1")
	}
	tab.Up("a", id(2), everyRoom, 0)
	var got []string
	for i := 0; tab.HasPending("a"); i++ {
		if i > 2 {
			t.Fatal("it takes more than three times")
		}
		offers, _ := tab.Pending("a", 10)
		for _, o := range offers {
			got = append(got, o.Key.Participant)
		}
	}
	if len(got) != 25 || !slices.IsSorted(got) {
		t.Errorf("%q", got)
	}
}

// TestSlowNeighbour has things change without end while a neighbour takes
// nothing and nobody asks what changed: what waits is what there is.
func TestSlowNeighbour(t *testing.T) {
	tab := newTable(1)
	tab.Up("a", id(2), everyRoom, 0)
	tab.Up("slow", id(3), everyRoom, 0)
	tab.SetLocal("own", "den", "")
	tab.Apply("a", []Offer[string]{offer("x", 2)}, nil)
	if s, c := told(tab, "slow"), changed(tab); s != "+own/1 +x/2" || c != "x" {
		t.Fatalf("slow is told %q, and %q changed", s, c)
	}
	for i := range 10_000 {
		tab.SetLocal("own", "den", fmt.Sprint(i))
		tab.Apply("a", nil, []Key{{id(2), "x"}})
		passing := offer(fmt.Sprint("passing", i), 2)
		tab.Apply("a", []Offer[string]{passing}, nil)
		tab.Apply("a", nil, []Key{passing.Key})
		tab.SetLocal(fmt.Sprint("guest", i), "den", "")
		tab.RemoveLocal(fmt.Sprint("guest", i))
		if i == 4_999 {
			tab.Apply("a", []Offer[string]{offer("x", 2)}, nil)
		}
	}
	for what, q := range map[string]*queue{"for the neighbour": &tab.trunks["slow"].pending, "of what changed": &tab.changed} {
		if q.len() > 2 || len(q.list) > 2*2+spare+1 {
			t.Errorf("%d in %d wait in the queue %s", q.len(), len(q.list), what)
		}
	}
	offers, withdrawn := tab.Pending("slow", 100)
	if len(offers) != 1 || offers[0].Info != "9999" || len(withdrawn) != 1 || withdrawn[0].Participant != "x" {
		t.Errorf("slow is told %+v %+v", offers, withdrawn)
	}
	if s := changed(tab); s != "x" {
		t.Errorf("%q changed", s)
	}
}

func TestChanged(t *testing.T) {
	tab := newTable(1)
	tab.Up("a", id(2), everyRoom, 0)
	tab.Up("b", id(3), everyRoom, 0)
	x := Key{id(9), "x"}
	info := offer("x", 2, 9)
	info.Info = "muted"
	for i, step := range []struct {
		do   func()
		want string
	}{
		{func() { tab.SetLocal("own", "den", "1") }, ""},
		{func() { tab.Apply("a", []Offer[string]{offer("x", 2, 9)}, nil) }, "x"},
		{func() { tab.Apply("a", []Offer[string]{offer("x", 2, 9)}, nil) }, ""},
		{func() { tab.Apply("a", []Offer[string]{timed(500, "x", 2, 9)}, nil) }, ""},
		{func() { tab.Apply("b", []Offer[string]{offer("x", 3, 8, 9)}, nil) }, ""},
		{func() { tab.Apply("a", []Offer[string]{info}, nil) }, "x"},
		{func() { tab.Apply("a", nil, []Key{x}) }, "x"},
		{func() { tab.Apply("a", nil, []Key{x}) }, ""},
		{func() { tab.Apply("b", nil, []Key{x}) }, "x"},
		{func() { tab.Apply("b", []Offer[string]{offer("x", 3, 9)}, nil); tab.Down("b") }, ""},
		{func() { tab.Apply("a", []Offer[string]{offer("x", 2, 9)}, nil) }, "x"},
		// Gone, back, and gone again: it is told once, and not forgotten.
		{func() {
			tab.Down("a")
			tab.Up("a", id(2), everyRoom, 0)
			tab.Apply("a", []Offer[string]{offer("x", 2, 9)}, nil)
			tab.Down("a")
		}, "x"},
		{func() { tab.Down("nothing"); tab.SetRoundTrip("nothing", 1); tab.Apply("nothing", nil, []Key{x}) }, ""},
	} {
		step.do()
		if s := changed(tab); s != step.want {
			t.Errorf("step %d: %q changed, want %q", i, s, step.want)
		}
	}
}

func TestLimits(t *testing.T) {
	tab := newTable(1)
	tab.MaxParticipants, tab.MaxCost = 10, 1000
	tab.Cost = func(s string) int { return len(s) }
	tab.Up("a", id(2), everyRoom, 0)
	tab.Up("b", id(3), everyRoom, 0)
	mine := offer("mine", 3, 7)
	tab.Apply("b", []Offer[string]{mine}, nil)
	for i := range 100_000 {
		tab.Apply("a", []Offer[string]{offer(fmt.Sprint(i), 2)}, nil)
	}
	for i := range 100_000 { // as if they came from many nodes
		tab.Apply("a", []Offer[string]{offer("forged", 2, 1000+i)}, nil)
	}
	if n := len(tab.entries); n != 11 {
		t.Errorf("%d participants are kept", n)
	}
	if r := tab.Refused("a"); r != (Refusals{TooMany: 200_000 - 10}) || tab.Refused("b").Total() != 0 || tab.Refused("c").String() != "" {
		t.Errorf("%+v were refused", r)
	}
	if r, ok := tab.Best(mine.Key); !ok || r.Trunk != "b" {
		t.Error("another neighbour's were displaced")
	}
	// A known participant may change, as far as there is room.
	known := offer("0", 2)
	known.Info = strings.Repeat("x", 500)
	tab.Apply("a", []Offer[string]{known}, nil)
	if r, ok := tab.Best(known.Key); !ok || r.Info != known.Info {
		t.Error("a change was refused")
	}
	for i := range 10 { // what it replaces does not count
		known.Info = fmt.Sprint(i, strings.Repeat("x", 500))
		tab.Apply("a", []Offer[string]{known}, nil)
	}
	if r := tab.Refused("a"); r.TooLarge != 0 {
		t.Errorf("%+v were refused", r)
	}
	known.Info = strings.Repeat("x", 1000)
	tab.Apply("a", []Offer[string]{known}, nil)
	if _, ok := tab.Best(known.Key); ok || tab.Refused("a").TooLarge != 1 {
		t.Error("more than may be offered was taken")
	}
	// What was given back can be taken again.
	tab.Apply("a", []Offer[string]{offer("late", 2)}, nil)
	if _, ok := tab.Best(Key{id(2), "late"}); !ok {
		t.Error("one for whom there is room again was refused")
	}
	tab.Down("a")
	if len(tab.entries) != 1 {
		t.Errorf("%d are left", len(tab.entries))
	}
	// Long names and paths cost too, without a Cost.
	tab.Cost = nil
	tab.Up("a", id(2), everyRoom, 0)
	tab.Apply("a", []Offer[string]{offer(strings.Repeat("x", 1001), 2)}, nil)
	if tab.Refused("a") != (Refusals{TooLarge: 1}) {
		t.Errorf("%+v were refused", tab.Refused("a"))
	}
}

// TestKeepsOnlyWhatItTakes sees that one offer that is taken does not hold the
// memory of all that came with it.
func TestKeepsOnlyWhatItTakes(t *testing.T) {
	tab := newTable(1)
	tab.Up("a", id(2), everyRoom, 0)
	message := []Offer[string]{offer("x", 2), offer("refused", 3)}
	tab.Apply("a", message, nil)
	message[0] = offer("other", 2)
	if r, ok := tab.Best(Key{id(2), "x"}); !ok || r.Key.Participant != "x" {
		t.Errorf("the table holds the message: %+v", r)
	}
}

func TestTimesWithoutBounds(t *testing.T) {
	tab := newTable(1)
	tab.Up("a", id(2), everyRoom, math.MaxInt64)
	tab.Up("b", id(3), everyRoom, 0)
	tab.Up("c", id(4), everyRoom, 0)
	x := offer("x", 2, 9)
	x.RTT = math.MaxInt64
	tab.Apply("a", []Offer[string]{x}, nil)
	tab.SetRoundTrip("a", math.MinInt64)
	tab.SetRoundTrip("a", math.MaxInt64)
	if r, ok := tab.Best(x.Key); !ok || r.RTT != 2*MaxRTT {
		t.Errorf("%+v", r)
	}
	offers, _ := tab.Pending("c", 10)
	if len(offers) != 1 || offers[0].RTT != MaxRTT {
		t.Errorf("c is told %+v", offers)
	}
	tab.Apply("b", []Offer[string]{offer("x", 3, 9)}, nil)
	if r, _ := tab.Best(x.Key); r.Trunk != "b" {
		t.Errorf("by %q", r.Trunk)
	}
}

// What all neighbours offer has a bound, beyond which each still has its share.
func TestAllTogether(t *testing.T) {
	tab := newTable(1)
	tab.Cost = func(string) int { return 1000 }
	tab.MaxTotal, tab.Assured = 10_000, 2500
	for n := range 6 {
		trunk := fmt.Sprint(n)
		tab.Up(trunk, id(10+n), everyRoom, 0)
		for i := range 20 {
			tab.Apply(trunk, []Offer[string]{offer(fmt.Sprint(n, "-", i), 10+n)}, nil)
		}
	}
	count := func() (list []int) {
		for n := range 6 {
			list = append(list, len(tab.trunks[fmt.Sprint(n)].offers))
		}
		return list
	}
	if got := count(); !slices.Equal(got, []int{9, 2, 2, 2, 2, 2}) {
		t.Errorf("taken are %v", got)
	}
	tab.Down("0")
	for i := range 20 {
		tab.Apply("5", []Offer[string]{offer(fmt.Sprint("5-", i), 15)}, nil)
	}
	if got := tab.trunks["5"].offers; len(got) != 2 {
		t.Errorf("%d more are taken", len(got))
	}
}

// A trunk that is held takes over only what is reached by no other.
func TestHeldTrunk(t *testing.T) {
	x := Key{id(9), "x"}
	best := func(tab *Table[string]) string { r, _ := tab.Best(x); return r.Trunk }
	far := []Offer[string]{offer("x", 2, 3, 9)}
	near := []Offer[string]{offer("x", 4, 9)}
	build := func() *Table[string] {
		tab := newTable(1)
		tab.Up("far", id(2), everyRoom, 0)
		tab.Up("near", id(4), everyRoom, 0)
		tab.Hold("near")
		return tab
	}
	tab := build()
	tab.Apply("near", near, nil)
	if best(tab) != "near" {
		t.Errorf("what is reached by no other is reached by %q", best(tab))
	}
	tab.Apply("far", far, nil)
	if best(tab) != "near" {
		t.Errorf("what was taken over is given up for %q", best(tab))
	}
	tab = build()
	tab.Apply("far", far, nil)
	tab.Apply("near", near, nil)
	if best(tab) != "far" {
		t.Errorf("a trunk that is held takes over: %q", best(tab))
	}
	tab.Apply("far", nil, []Key{x})
	if best(tab) != "near" {
		t.Errorf("the last way is not taken: %q", best(tab))
	}
	tab = build()
	tab.Apply("far", far, nil)
	tab.Apply("near", near, nil)
	changed(tab)
	tab.Settle("near")
	if best(tab) != "near" || changed(tab) != "x" {
		t.Errorf("the shorter way is not taken then: %q", best(tab))
	}
	tab.Settle("near")
	tab.Hold("none")
	tab.Settle("none")
}

// Among ways that are as long, one that was not measured is the last.
func TestUnmeasuredTrunk(t *testing.T) {
	x := Key{id(9), "x"}
	best := func(tab *Table[string]) string { r, _ := tab.Best(x); return r.Trunk }
	tab := newTable(1)
	tab.Up("slow", id(3), everyRoom, 90*time.Millisecond)
	tab.Up("new", id(2), everyRoom, -1)
	tab.Up("neighbour", id(7), everyRoom, 0)
	tab.Apply("slow", []Offer[string]{offer("x", 3, 9)}, nil)
	tab.Apply("new", []Offer[string]{offer("x", 2, 9)}, nil)
	if best(tab) != "slow" {
		t.Fatalf("it goes by %q", best(tab))
	}
	tab.SetRoundTrip("new", 85*time.Millisecond)
	if best(tab) != "slow" {
		t.Fatalf("it goes by %q, which is about as far", best(tab))
	}
	tab.SetRoundTrip("new", 20*time.Millisecond)
	if best(tab) != "new" {
		t.Fatalf("it goes by %q", best(tab))
	}
	// The other way round: what was used before it was measured stays.
	tab = newTable(1)
	tab.Up("new", id(2), everyRoom, -1)
	tab.Up("neighbour", id(7), everyRoom, 0)
	tab.Apply("new", []Offer[string]{offer("x", 2, 9)}, nil)
	if offers, _ := tab.Pending("neighbour", 10); len(offers) != 1 || offers[0].RTT != guessedRTT {
		t.Errorf("told is %+v", offers)
	}
	tab.Up("other", id(3), everyRoom, time.Millisecond)
	tab.Apply("other", []Offer[string]{offer("x", 3, 9)}, nil)
	if best(tab) != "new" {
		t.Errorf("it goes by %q", best(tab))
	}
}

func TestDistrust(t *testing.T) {
	x := Key{id(9), "x"}
	best := func(tab *Table[string]) string { r, _ := tab.Best(x); return r.Trunk }
	build := func() *Table[string] {
		tab := newTable(1)
		for i, trunk := range []string{"a", "b", "c"} {
			tab.Up(trunk, id(2+i), everyRoom, 0)
		}
		tab.Apply("a", []Offer[string]{offer("x", 2, 9)}, nil)
		tab.Apply("b", []Offer[string]{offer("x", 3, 7, 9)}, nil)
		changed(tab)
		return tab
	}
	for _, c := range []struct {
		name string
		do   func(tab *Table[string])
		want string
	}{
		{"the other is taken", func(*Table[string]) {}, "b"},
		{"it is told again", func(tab *Table[string]) { tab.Apply("a", []Offer[string]{offer("x", 2, 9)}, nil) }, "b"},
		{"it is taken back and told again", func(tab *Table[string]) {
			tab.Apply("a", nil, []Key{x})
			tab.Apply("a", []Offer[string]{offer("x", 2, 9)}, nil)
		}, "b"},
		{"its trunk comes up anew", func(tab *Table[string]) {
			tab.Up("a", id(2), everyRoom, 0)
			tab.Apply("a", []Offer[string]{offer("x", 2, 9)}, nil)
		}, "b"},
		{"it is trusted again", func(tab *Table[string]) { tab.Trust("a", x) }, "a"},
		{"the other is lost", func(tab *Table[string]) { tab.Apply("b", nil, []Key{x}) }, "a"},
		{"the other is lost, and comes back", func(tab *Table[string]) {
			tab.Apply("b", nil, []Key{x})
			tab.Apply("b", []Offer[string]{offer("x", 3, 7, 9)}, nil)
		}, "a"},
		{"the other is doubted too", func(tab *Table[string]) {
			if tab.Distrust("b", x) {
				t.Error("the last way is doubted")
			}
		}, "b"},
		{"there is a third", func(tab *Table[string]) {
			tab.Apply("c", []Offer[string]{offer("x", 4, 6, 7, 9)}, nil)
			if !tab.Distrust("b", x) {
				t.Error("the third is not taken")
			}
		}, "c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := build()
			if !tab.Distrust("a", x) || changed(tab) != "x" {
				t.Fatal("it is not doubted")
			}
			c.do(tab)
			if got := best(tab); got != c.want {
				t.Errorf("it goes by %q", got)
			}
		})
	}
	tab := build()
	for _, trunk := range []string{"b", "none"} {
		if tab.Distrust(trunk, x) {
			t.Errorf("%s, which is not used, is doubted", trunk)
		}
	}
	if tab.Distrust("a", Key{id(9), "nobody"}) {
		t.Error("nobody is doubted")
	}
}
