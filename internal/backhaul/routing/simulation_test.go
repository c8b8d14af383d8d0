package routing

import (
	"fmt"
	"testing"
	"time"
)

func sameString(a, b string) bool { return a == b }

// TestNetworks has people come, change and go and links break and heal in
// networks of every shape, one thing while the last one still spreads, and looks
// whether the routes are right whenever all is quiet.
func TestNetworks(t *testing.T) {
	degree := func(n int) func(*world[string]) { return func(w *world[string]) { w.randomly(n) } }
	for _, c := range []struct {
		name   string
		nodes  int
		build  func(*world[string])
		seeds  uint64
		rounds int
		rush   int // things that happen in a round
		people int
	}{
		{"two", 2, (*world[string]).chain, 10, 5, 10, 2},
		{"two trunks between two", 2, func(w *world[string]) { w.link(0, 1); w.link(1, 0) }, 10, 5, 10, 2},
		{"chain", 8, (*world[string]).chain, 10, 5, 10, 8},
		{"chain longer than a path may be", 40, (*world[string]).chain, 2, 5, 10, 10},
		{"star", 60, (*world[string]).star, 3, 5, 20, 10},
		{"small ring", 4, (*world[string]).ring, 20, 10, 5, 4},
		{"ring", 30, (*world[string]).ring, 5, 5, 10, 10},
		{"small mesh", 4, (*world[string]).mesh, 40, 10, 5, 4},
		{"mesh with two trunks each", 6, func(w *world[string]) { w.mesh(); w.mesh() }, 10, 10, 10, 6},
		{"random, 3 links each, small", 12, degree(3), 40, 10, 10, 6},
		{"mesh", 20, (*world[string]).mesh, 3, 4, 20, 5},
		{"random, 2 links each", 1000, degree(2), 1, 4, 40, 6},
		{"random, 3 links each", 1000, degree(3), 2, 1, 10, 4},
		{"random, 4 links each", 1000, degree(4), 1, 1, 8, 4},
		{"random, 8 links each", 1000, degree(8), 1, 1, 3, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range c.seeds {
				w := newWorld(t, c.nodes, seed, sameString)
				w.someForDen = seed%2 == 1
				w.damped = seed%4 >= 2 || c.seeds == 1
				c.build(w)
				for i := range c.people {
					w.join(w.random.IntN(c.nodes), fmt.Sprint(i), someRoom(w), "1")
				}
				w.settle()
				w.check()
				for range c.rounds {
					rush(w, c.rush)
					w.settle()
					w.check()
				}
				for _, l := range w.links {
					w.heal(l)
				}
				w.settle()
				w.check()
			}
		})
	}
}

// rush has things happen within a few seconds.
func rush(w *world[string], things int) {
	for i := range things {
		n, l := w.random.IntN(len(w.nodes)), w.links[w.random.IntN(len(w.links))]
		switch w.random.IntN(6) {
		case 0:
			w.join(n, fmt.Sprint(w.now, i), someRoom(w), "1")
		case 1:
			somebody(w, func(n int, who string) { w.leave(n, who) })
		case 2:
			somebody(w, func(n int, who string) { w.join(n, who, someRoom(w), fmt.Sprint(w.now)) })
		case 3:
			w.cut(l)
		case 4:
			w.cut(l)
			w.run(w.now + time.Duration(w.random.Int64N(int64(w.notice))))
			w.heal(l)
		case 5:
			for _, l := range w.links {
				w.heal(l)
			}
			if w.random.IntN(4) == 0 { // a node is lost
				for x := range w.near(n, "den") {
					w.cut(x.link)
				}
			}
		}
		w.run(w.now + time.Duration(w.random.Int64N(int64(300*time.Millisecond))))
	}
}

// someRoom is mostly the one that all links carry.
func someRoom(w *world[string]) string {
	if w.random.IntN(3) == 0 {
		return "attic"
	}
	return "den"
}

// somebody picks one at random.
func somebody(w *world[string], do func(node int, who string)) {
	first := w.random.IntN(len(w.nodes))
	for i := range w.nodes {
		n := (first + i) % len(w.nodes)
		for who := range w.nodes[n].people {
			do(n, who)
			return
		}
	}
}

// TestDoubts has nodes doubt routes while links break and heal. Whatever each of
// them doubts, all is quiet again soon, no route leads round in a circle, and who
// can be reached is; and when nobody doubts any more, the routes are the shortest.
func TestDoubts(t *testing.T) {
	for _, c := range []struct {
		name  string
		nodes int
		build func(*world[string])
		seeds uint64
	}{
		{"small ring", 4, (*world[string]).ring, 20},
		{"small mesh", 4, (*world[string]).mesh, 30},
		{"mesh with two trunks each", 5, func(w *world[string]) { w.mesh(); w.mesh() }, 10},
		{"wheel", 7, func(w *world[string]) { w.ring(); w.mesh() }, 10},
		{"random, 3 links each", 60, func(w *world[string]) { w.randomly(3) }, 3},
		{"random, 6 links each", 60, func(w *world[string]) { w.randomly(6) }, 2},
		{"random, 3 links each, large", 300, func(w *world[string]) { w.randomly(3) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range c.seeds {
				w := newWorld(t, c.nodes, seed, sameString)
				w.damped = seed%2 == 1
				c.build(w)
				for i := range 4 {
					w.join(i%c.nodes, fmt.Sprint(i), "den", "1")
				}
				w.settle()
				w.check()
				doubts := 0
				for range 3 {
					doubts += doubtful(w, 6*c.nodes)
					before := w.told
					w.settle()
					if got, most := w.told-before, 400*len(w.links); got > most {
						t.Fatalf("%d announcements are made until all is quiet, of %d at most", got, most)
					}
					w.checkPaths()
					rush(w, 4)
				}
				if doubts == 0 {
					t.Fatal("nothing was doubted")
				}
				for _, l := range w.links {
					w.heal(l)
				}
				w.settle()
				w.checkPaths()
				for _, n := range w.nodes {
					for d := range n.table.doubts {
						n.table.Trust(d.trunk, d.key)
					}
				}
				for i := range w.nodes {
					w.wake(i)
				}
				w.settle()
				w.check()
				w.doubted = 3 * time.Second
				doubtful(w, 6*c.nodes)
				w.settle()
				w.check()
			}
		})
	}
}

// doubtful has nodes doubt what they use, one after the other within moments.
func doubtful(w *world[string], times int) (doubts int) {
	for range times {
		somebody(w, func(n int, who string) {
			if w.distrust(w.random.IntN(len(w.nodes)), Key{id(n), who}) {
				doubts++
			}
		})
		w.run(w.now + time.Duration(w.random.Int64N(int64(40*time.Millisecond))))
	}
	return doubts
}

// TestWaveringTimes has all round trips waver. Nobody says anything about it.
func TestWaveringTimes(t *testing.T) {
	w := newWorld(t, 30, 1, sameString)
	w.randomly(4)
	for i := range w.nodes {
		w.join(i, "x", "den", "1")
	}
	w.settle()
	was := w.told
	for range 50 {
		for _, l := range w.links {
			for _, x := range l.wires {
				w.nodes[x.from].table.SetRoundTrip(l.trunk, l.rtt+time.Duration(w.random.IntN(38)-19)*time.Millisecond)
				w.wake(x.from)
			}
		}
		w.settle()
	}
	if w.told != was {
		t.Errorf("%d announcements were made of it", w.told-was)
	}
	w.check()
	// A link that has become really slow is told of.
	for _, l := range w.links[:5] {
		for _, x := range l.wires {
			w.nodes[x.from].table.SetRoundTrip(l.trunk, l.rtt+time.Second)
			w.wake(x.from)
		}
	}
	w.settle()
	if w.told == was {
		t.Error("nobody is told of slow links")
	}
	w.check()
}
