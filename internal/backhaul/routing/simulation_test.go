package routing

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// world is many nodes in memory. Messages of one link keep their order; those
// of different links come in any.
type world struct {
	t        *testing.T
	random   *rand.Rand
	tables   []*Table[string]
	links    map[[2]int]bool
	wires    [][2]int // directions in which something may wait
	waiting  map[[2]int][]message
	messages int // offers and withdrawals so far
}

type message struct {
	offers    []Offer[string]
	withdrawn []Key
}

func newWorld(t *testing.T, nodes int, seed uint64) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 7)), links: map[[2]int]bool{}, waiting: map[[2]int][]message{}}
	for i := range nodes {
		w.tables = append(w.tables, newTable(i))
	}
	return w
}

func trunkTo(n int) string { return fmt.Sprintf("to%d", n) }

func (w *world) link(a, b int) {
	if a == b || w.links[[2]int{a, b}] || w.links[[2]int{b, a}] {
		return
	}
	w.links[[2]int{a, b}] = true
	rtt := time.Duration(w.random.IntN(100)) * time.Millisecond
	w.tables[a].Up(trunkTo(b), id(b), everyRoom, rtt)
	w.tables[b].Up(trunkTo(a), id(a), everyRoom, rtt)
}

func (w *world) cut(a, b int) {
	delete(w.links, [2]int{a, b})
	w.tables[a].Down(trunkTo(b))
	w.tables[b].Down(trunkTo(a))
	delete(w.waiting, [2]int{a, b})
	delete(w.waiting, [2]int{b, a})
}

// settle carries messages until there are none.
func (w *world) settle() {
	for quiet := false; !quiet; {
		quiet = true
		w.wires = w.wires[:0]
		for l := range w.links {
			w.wires = append(w.wires, l, [2]int{l[1], l[0]})
		}
		w.random.Shuffle(len(w.wires), func(i, j int) { w.wires[i], w.wires[j] = w.wires[j], w.wires[i] })
		for _, d := range w.wires {
			if w.random.IntN(3) > 0 { // it hesitates
				offers, withdrawn := w.tables[d[0]].Pending(trunkTo(d[1]), 1+w.random.IntN(50))
				if len(offers)+len(withdrawn) > 0 {
					w.messages += len(offers) + len(withdrawn)
					w.waiting[d] = append(w.waiting[d], message{offers, withdrawn})
				}
			}
			if list := w.waiting[d]; len(list) > 0 && w.random.IntN(3) > 0 {
				w.tables[d[1]].Apply(trunkTo(d[0]), list[0].offers, list[0].withdrawn)
				w.waiting[d] = list[1:]
				quiet = false // it may have made something to tell elsewhere
			}
			if len(w.waiting[d]) > 0 || w.tables[d[0]].HasPending(trunkTo(d[1])) {
				quiet = false
			}
		}
	}
}

// distances by breadth-first search; -1 where there is no way.
func (w *world) distances(from int) []int {
	near := make([][]int, len(w.tables))
	for l := range w.links {
		near[l[0]] = append(near[l[0]], l[1])
		near[l[1]] = append(near[l[1]], l[0])
	}
	d := make([]int, len(w.tables))
	for i := range d {
		d[i] = -1
	}
	d[from] = 0
	for list := []int{from}; len(list) > 0; list = list[1:] {
		for _, n := range near[list[0]] {
			if d[n] < 0 {
				d[n] = d[list[0]] + 1
				list = append(list, n)
			}
		}
	}
	return d
}

// check looks whether every node has the shortest way to a participant, the
// ways make a tree, and nothing is left of what cannot be reached.
func (w *world) check(origin int, who string, present bool) {
	w.t.Helper()
	key := Key{id(origin), who}
	for n, d := range w.distances(origin) {
		if n == origin {
			continue
		}
		r, ok := w.tables[n].Best(key)
		reachable := present && d > 0 && d <= MaxPath
		if ok != reachable {
			w.t.Fatalf("node %d, %d hops from %v: route %v", n, d, key, ok)
		}
		if !ok {
			if w.tables[n].entries[key] != nil {
				w.t.Fatalf("node %d keeps an entry of %v", n, key)
			}
			continue
		}
		if len(r.Path) != d {
			w.t.Fatalf("node %d is %d hops from %v, and takes %v", n, d, key, r.Path)
		}
		// The next node has a shorter way that does not lead back: no loop.
		var next int
		if _, err := fmt.Sscanf(string(r.Path[0]), "%x", &next); err != nil {
			w.t.Fatal(err)
		}
		if next != origin {
			if on, ok := w.tables[next].Best(key); !ok || len(on.Path) != d-1 {
				w.t.Fatalf("node %d takes %d, whose way is %v", n, next, on.Path)
			}
		}
	}
}

// randomGraph links all nodes, each to few: a random tree and some more.
func (w *world) randomGraph(more int) {
	for i := 1; i < len(w.tables); i++ {
		// Not too deep: a path has MaxPath nodes at most.
		w.link(i, w.random.IntN(min(i, max(1, i/2)+1)))
	}
	for range more {
		w.link(w.random.IntN(len(w.tables)), w.random.IntN(len(w.tables)))
	}
}

func TestShapesConverge(t *testing.T) {
	ring := func(w *world) {
		for i := range w.tables {
			w.link(i, (i+1)%len(w.tables))
		}
	}
	for name, build := range map[string]func(w *world){
		"chain": func(w *world) {
			for i := range len(w.tables) - 1 {
				w.link(i, i+1)
			}
		},
		"star": func(w *world) {
			for i := range w.tables {
				w.link(0, i)
			}
		},
		"ring": ring,
		"mesh": func(w *world) {
			for i := range w.tables {
				for j := range i {
					w.link(i, j)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				w := newWorld(t, 8, seed)
				build(w)
				for i, table := range w.tables {
					table.SetLocal("x", "den", fmt.Sprint(i))
				}
				w.settle()
				for i := range w.tables {
					w.check(i, "x", true)
				}
				for l := range w.links {
					w.cut(l[0], l[1])
					w.settle()
					for i := range w.tables {
						w.check(i, "x", true)
					}
					break
				}
				w.tables[3].RemoveLocal("x")
				w.settle()
				w.check(3, "x", false)
			}
		})
	}
}

// TestThousandNodes has people come and go and links break and heal, and the
// next thing happen while the last one is still spreading.
func TestThousandNodes(t *testing.T) {
	w := newWorld(t, 1000, 1)
	w.randomGraph(700)
	people := map[int]bool{}
	for range 10 {
		who := w.random.IntN(1000)
		people[who] = true
		w.tables[who].SetLocal("x", "den", "1")
	}
	w.settle()
	for round := range 4 {
		cut := [][2]int{}
		for l := range w.links {
			if len(cut) == 15 {
				break
			}
			cut = append(cut, l)
		}
		for _, l := range cut {
			w.cut(l[0], l[1])
		}
		who := w.random.IntN(1000)
		people[who] = true
		w.tables[who].SetLocal("x", "den", "1")
		if round%2 == 0 {
			w.settle()
		}
		for _, l := range cut[:8] {
			w.link(l[0], l[1])
		}
		for gone := range people {
			w.tables[gone].RemoveLocal("x")
			delete(people, gone)
			break
		}
		w.settle()
		for i := range w.tables {
			w.check(i, "x", people[i])
		}
	}
}
