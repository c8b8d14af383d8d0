package routing

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world is many nodes in memory, and a clock of its own. Each direction of a
// link keeps the order of its messages; some are slow and take the next message
// only when the last one has arrived.
type world[T any] struct {
	t      *testing.T
	random *rand.Rand
	now    time.Duration
	events events[T]
	number int // of events so far, which orders those of the same time
	nodes  []*node[T]
	links  []*link[T]
	// carry makes of what is sent what arrives, and says how many bytes that
	// took on the way; nil: the same, and nobody counts.
	carry func(offers []Offer[T], withdrawn []Key) ([]Offer[T], []Key, int)

	// notice is within which time the ends of a link see that it is down.
	notice time.Duration
	// damped has links be held for a while when they come up, and doubted has
	// nodes doubt routes for a while, if it is not 0: so long at most.
	damped  bool
	doubted time.Duration
	// someForDen has a third of the links carry one room only.
	someForDen bool

	told, bytes int // offers and withdrawals that were sent, and their bytes
}

type node[T any] struct {
	table  *Table[T]
	wires  []*wire[T]
	people map[string]string // rooms by id
}

// link joins two nodes.
type link[T any] struct {
	trunk string
	wires [2]*wire[T]
	rtt   time.Duration
	rooms func(string) bool
	up    bool
	epoch int // grows when it is cut and healed: what was on the way is lost
}

// wire is one direction of a link.
type wire[T any] struct {
	link      *link[T]
	from, to  int
	slow      bool
	scheduled bool // it will be looked at what there is to tell
	onTheWay  int
	arrives   time.Duration // when the last one does
}

// event is a look at what there is to tell, the arrival of a message, or an end
// of a link that learns that the link is down.
type event[T any] struct {
	at        time.Duration
	number    int
	kind      kind
	wire      *wire[T]
	epoch     int
	key       Key
	offers    []Offer[T]
	withdrawn []Key
}

type kind int

const (
	look kind = iota
	arrival
	down
	settles
	trusts
)

type events[T any] []event[T]

func (e events[T]) Len() int { return len(e) }
func (e events[T]) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].number < e[j].number
}
func (e events[T]) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events[T]) Push(x any)   { *e = append(*e, x.(event[T])) }
func (e *events[T]) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = event[T]{}
	*e = (*e)[:len(*e)-1]
	return last
}

const (
	// gather is how long changes are gathered before they are told, and update
	// how many keys one message has.
	gather = 10 * time.Millisecond
	update = 200
	// tooMany events show that the routes never settle.
	tooMany = 20_000_000
)

func newWorld[T any](t *testing.T, nodes int, seed uint64, equal func(a, b T) bool) *world[T] {
	w := &world[T]{t: t, random: rand.New(rand.NewPCG(seed, 7)), notice: 2 * time.Second}
	for i := range nodes {
		w.nodes = append(w.nodes, &node[T]{table: NewTable(id(i), equal), people: map[string]string{}})
	}
	return w
}

// link joins two nodes by a trunk, besides others that there may be.
func (w *world[T]) link(a, b int) {
	l := &link[T]{trunk: fmt.Sprintf("trunk%d", len(w.links)), rooms: everyRoom, rtt: time.Duration(1+w.random.IntN(100)) * time.Millisecond}
	if w.someForDen && w.random.IntN(3) == 0 {
		l.rooms = onlyDen
	}
	for i, ends := range [2][2]int{{a, b}, {b, a}} {
		l.wires[i] = &wire[T]{link: l, from: ends[0], to: ends[1], slow: w.random.IntN(10) == 0}
		w.nodes[ends[0]].wires = append(w.nodes[ends[0]].wires, l.wires[i])
	}
	w.links = append(w.links, l)
	w.heal(l)
}

func (w *world[T]) linked(a, b int) bool {
	return a == b || slices.ContainsFunc(w.nodes[a].wires, func(x *wire[T]) bool { return x.to == b })
}

func (w *world[T]) heal(l *link[T]) {
	if l.up {
		return
	}
	l.up = true
	l.epoch++
	for _, x := range l.wires {
		x.onTheWay, x.arrives = 0, 0
		w.nodes[x.from].table.Up(l.trunk, id(x.to), l.rooms, l.rtt)
		if w.damped {
			w.nodes[x.from].table.Hold(l.trunk)
			w.schedule(event[T]{at: w.now + time.Duration(w.random.Int64N(int64(5*time.Second))), kind: settles, wire: x, epoch: l.epoch})
		}
		w.wake(x.from)
	}
}

// cut has a link carry nothing from now on. Its ends learn of it later.
func (w *world[T]) cut(l *link[T]) {
	if !l.up {
		return
	}
	l.up = false
	l.epoch++
	for _, x := range l.wires {
		w.schedule(event[T]{at: w.now + time.Duration(w.random.Int64N(int64(w.notice))), kind: down, wire: x, epoch: l.epoch})
	}
}

// distrust has a node doubt the route to somebody, and tells whether it has
// another one.
func (w *world[T]) distrust(node int, key Key) bool {
	r, ok := w.nodes[node].table.Best(key)
	if !ok || !w.nodes[node].table.Distrust(r.Trunk, key) {
		return false
	}
	w.wake(node)
	if w.doubted > 0 {
		for _, x := range w.nodes[node].wires {
			if x.link.trunk == r.Trunk {
				w.schedule(event[T]{at: w.now + time.Duration(w.random.Int64N(int64(w.doubted))), kind: trusts, wire: x, key: key})
			}
		}
	}
	return true
}

// checkPaths looks whether each route, taken node by node, is what it says and
// comes to its end, whatever the nodes prefer.
func (w *world[T]) checkPaths() {
	w.t.Helper()
	for n, node := range w.nodes {
		for _, r := range node.table.Routes() {
			for i, hop := range r.Path {
				at := w.nodes[number(hop)].table
				switch on, ok := at.Best(r.Key); {
				case i == len(r.Path)-1 && hop != r.Key.Origin, i < len(r.Path)-1 && (!ok || !slices.Equal(on.Path, r.Path[i+1:])):
					w.t.Fatalf("node %d reaches %v by %v, and %s by %v", n, r.Key, r.Path, hop, on.Path)
				}
			}
		}
		for origin, o := range w.nodes {
			for who, room := range o.people {
				key := Key{id(origin), who}
				if _, ok := node.table.Best(key); ok || n == origin {
					continue
				}
				for x := range w.near(n, room) {
					if on, ok := w.nodes[x.to].table.Best(key); x.to == origin || ok && len(on.Path) < MaxPath {
						w.t.Fatalf("node %d does not reach %v, and its neighbour %d does by %v", n, key, x.to, on.Path)
					}
				}
			}
		}
	}
}

// number of a node.
func number(node NodeID) (n int) {
	_, _ = fmt.Sscanf(string(node), "%x", &n)
	return n
}

// join has somebody come into a room of a node, or change there.
func (w *world[T]) join(node int, who, room string, info T) {
	w.nodes[node].people[who] = room
	w.nodes[node].table.SetLocal(who, room, info)
	w.wake(node)
}

func (w *world[T]) leave(node int, who string) {
	delete(w.nodes[node].people, who)
	w.nodes[node].table.RemoveLocal(who)
	w.wake(node)
}

func (w *world[T]) schedule(e event[T]) {
	w.number++
	e.number = w.number
	heap.Push(&w.events, e)
}

// wake has a node tell what there is, soon.
func (w *world[T]) wake(node int) {
	for _, x := range w.nodes[node].wires {
		if !x.scheduled && w.nodes[node].table.HasPending(x.link.trunk) {
			x.scheduled = true
			w.schedule(event[T]{at: w.now + gather, kind: look, wire: x})
		}
	}
}

func (w *world[T]) send(x *wire[T]) {
	for !x.slow || x.onTheWay == 0 {
		offers, withdrawn := w.nodes[x.from].table.Pending(x.link.trunk, update)
		if len(offers)+len(withdrawn) == 0 {
			return
		}
		w.told += len(offers) + len(withdrawn)
		if w.carry != nil {
			var bytes int
			offers, withdrawn, bytes = w.carry(offers, withdrawn)
			w.bytes += bytes
		}
		x.arrives = max(x.arrives, w.now+x.link.rtt/2+time.Duration(w.random.Int64N(int64(10*time.Millisecond))))
		x.onTheWay++
		w.schedule(event[T]{at: x.arrives, kind: arrival, wire: x, epoch: x.link.epoch, offers: offers, withdrawn: withdrawn})
	}
}

// run has happen what happens until a moment.
func (w *world[T]) run(until time.Duration) {
	for n := 0; len(w.events) > 0 && w.events[0].at <= until; n++ {
		if n == tooMany {
			w.t.Fatal("the routes do not settle")
		}
		e := heap.Pop(&w.events).(event[T])
		w.now = e.at
		x := e.wire
		switch e.kind {
		case look:
			x.scheduled = false
			w.send(x)
		case arrival:
			if e.epoch != x.link.epoch {
				continue
			}
			x.onTheWay--
			w.nodes[x.to].table.Apply(x.link.trunk, e.offers, e.withdrawn)
			w.wake(x.to)
			w.wake(x.from)
		case down:
			if e.epoch == x.link.epoch && !x.link.up {
				w.nodes[x.from].table.Down(x.link.trunk)
				w.wake(x.from)
			}
		case settles:
			if e.epoch == x.link.epoch {
				w.nodes[x.from].table.Settle(x.link.trunk)
				w.wake(x.from)
			}
		case trusts:
			w.nodes[x.from].table.Trust(x.link.trunk, e.key)
			w.wake(x.from)
		}
	}
}

// settle has happen all that happens. It returns how long that takes.
func (w *world[T]) settle() time.Duration {
	began := w.now
	w.run(1<<63 - 1)
	return w.now - began
}

// near are the wires of a node that carry something of a room.
func (w *world[T]) near(node int, room string) func(func(*wire[T]) bool) {
	return func(yield func(*wire[T]) bool) {
		for _, x := range w.nodes[node].wires {
			if x.link.up && x.link.rooms(room) && !yield(x) {
				return
			}
		}
	}
}

// distances by breadth-first search; -1 where there is no way for a room.
func (w *world[T]) distances(from int, room string) []int {
	d := make([]int, len(w.nodes))
	for i := range d {
		d[i] = -1
	}
	d[from] = 0
	for list := []int{from}; len(list) > 0; list = list[1:] {
		for x := range w.near(list[0], room) {
			if d[x.to] < 0 {
				d[x.to] = d[list[0]] + 1
				list = append(list, x.to)
			}
		}
	}
	return d
}

// check looks whether, now that all is quiet, each node has the one shortest
// route to each participant that it can reach, routes make a tree with the
// participant's node at its root, and nothing is left of what is gone.
func (w *world[T]) check() {
	w.t.Helper()
	reaches := make([]int, len(w.nodes)) // how many each one should
	for origin, o := range w.nodes {
		if len(o.people) == 0 {
			continue
		}
		distances := map[string][]int{"den": w.distances(origin, "den"), "attic": w.distances(origin, "attic")}
		for who, room := range o.people {
			for n, d := range distances[room] {
				if d >= 1 && d <= MaxPath {
					reaches[n]++
					w.checkRoute(n, Key{id(origin), who}, room, d)
				}
			}
		}
	}
	for n, node := range w.nodes {
		if got := len(node.table.Routes()); got != reaches[n] {
			w.t.Fatalf("node %d has %d routes, and can reach %d participants", n, got, reaches[n])
		}
		if got := len(node.table.entries) - len(node.people); got != reaches[n] {
			w.t.Fatalf("node %d has %d entries, and can reach %d participants", n, got, reaches[n])
		}
		for _, x := range node.wires {
			if !x.link.up && (node.table.HasPending(x.link.trunk) || node.table.trunks[x.link.trunk] != nil) {
				w.t.Fatalf("node %d still has %s", n, x.link.trunk)
			}
			if node.table.Refused(x.link.trunk).Total() > 0 {
				w.t.Fatalf("node %d: %s", n, node.table.Refused(x.link.trunk))
			}
		}
	}
}

// checkRoute looks at the route of one node, which is so many hops away.
func (w *world[T]) checkRoute(n int, key Key, room string, hops int) {
	w.t.Helper()
	r, ok := w.nodes[n].table.Best(key)
	if !ok || len(r.Path) != hops || r.Room != room {
		w.t.Fatalf("node %d is %d hops from %v in %s, and takes %+v", n, hops, key, room, r)
	}
	offered := 0
	var by *wire[T]
	for x := range w.near(n, room) {
		if x.link.trunk == r.Trunk {
			by = x
		}
		// What a neighbour uses is what it offers, unless it leads through here.
		path := []NodeID{id(x.to)}
		if on, ok := w.nodes[x.to].table.Best(key); ok {
			path = append(path, on.Path...)
		} else if key.Origin != id(x.to) {
			continue
		}
		if len(path) <= MaxPath && !slices.Contains(path, id(n)) {
			offered++
		}
		// So a route is one hop and then the route of the next node: by and by
		// that comes to the origin, and never back.
		if x == by && !slices.Equal(r.Path, path) {
			w.t.Fatalf("node %d takes %v, and the next node %v", n, r.Path, path)
		}
	}
	if by == nil {
		w.t.Fatalf("node %d takes %q, which is no trunk of its own", n, r.Trunk)
	}
	if r.Alternatives != offered-1 {
		w.t.Fatalf("node %d has %d alternatives to the route to %v, and was offered %d", n, r.Alternatives, key, offered)
	}
}

// Shapes of networks.

func (w *world[T]) chain() {
	for i := range len(w.nodes) - 1 {
		w.link(i, i+1)
	}
}

func (w *world[T]) star() {
	for i := range len(w.nodes) - 1 {
		w.link(0, i+1)
	}
}

func (w *world[T]) ring() {
	w.chain()
	w.link(len(w.nodes)-1, 0)
}

func (w *world[T]) mesh() {
	for i := range w.nodes {
		for j := range i {
			w.link(i, j)
		}
	}
}

// randomly links all nodes, each to so many on the average, 2 or more. Nobody is
// very far from anybody: a path has MaxPath nodes at most.
func (w *world[T]) randomly(degree int) {
	for i := 1; i < len(w.nodes); i++ {
		w.link(i, w.random.IntN((i+1)/2))
	}
	for len(w.links) < min(len(w.nodes)*degree/2, len(w.nodes)*(len(w.nodes)-1)/2) {
		if a, b := w.random.IntN(len(w.nodes)), w.random.IntN(len(w.nodes)); !w.linked(a, b) {
			w.link(a, b)
		}
	}
}
