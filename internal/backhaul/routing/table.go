package routing

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Table is the routes of one node. It is not safe for concurrent use.
type Table[T any] struct {
	// MaxParticipants is how many participants one neighbour may offer over one
	// trunk, 0 or more; NewTable sets 4096. What it offers beyond is refused, and
	// taken when it is offered again with room for it.
	MaxParticipants int
	// MaxCost is what all that a neighbour offers over one trunk may cost, 0 or
	// more; NewTable sets 4 MiB. An offer costs a byte for each of its ids and
	// names, and what Cost says.
	MaxCost int
	// MaxTotal is what all neighbours' offers together may cost, and Assured what
	// each may have even so; NewTable sets no bound.
	MaxTotal, Assured int
	// Cost is what an Info takes, in bytes; nil: nothing. It is asked once for
	// each offer.
	Cost func(T) int

	self    NodeID
	equal   func(a, b T) bool
	trunks  map[string]*neighbour[T]
	byNode  map[NodeID][]*neighbour[T]
	entries map[Key]*entry[T] // each has own or candidates
	changed queue
	total   int // cost of all offers
	doubts  map[doubt]bool
}

// entry is what is known of one participant.
type entry[T any] struct {
	own        *Offer[T] // of a participant of this node
	candidates []*candidate[T]
	best       *candidate[T] // nil when none of them stands
	// seen is that who reads Changed knows of it.
	seen bool
	// told is what neighbours are told, the same for all; nil until somebody is.
	told *Offer[T]
}

// candidate is a neighbour's offer.
type candidate[T any] struct {
	from  *neighbour[T]
	offer Offer[T]
	cost  int
}

func (c *candidate[T]) rtt() time.Duration { return c.offer.RTT + c.from.rtt }

// NewTable makes the table of a node. equal tells that there is nothing new.
func NewTable[T any](self NodeID, equal func(a, b T) bool) *Table[T] {
	return &Table[T]{
		MaxParticipants: 4096, MaxCost: 4 << 20, MaxTotal: math.MaxInt, self: self, equal: equal,
		trunks: map[string]*neighbour[T]{}, byNode: map[NodeID][]*neighbour[T]{}, entries: map[Key]*entry[T]{}, doubts: map[doubt]bool{},
	}
}

// SetLocal announces a participant of this node, or what is new of it.
func (t *Table[T]) SetLocal(participant, room string, info T) {
	key := Key{t.self, participant}
	e := t.entry(key)
	if e.own != nil && e.own.Room == room && t.equal(e.own.Info, info) {
		return
	}
	e.own = &Offer[T]{Key: key, Room: room, Path: []NodeID{t.self}, Info: info}
	t.tell(key, e)
}

// RemoveLocal takes it back.
func (t *Table[T]) RemoveLocal(participant string) {
	key := Key{t.self, participant}
	if t.entries[key] != nil {
		t.drop(key)
	}
}

// Changed returns the participants of other nodes whose trunk, path, room or
// Info is not what it was at the last call, or who are gone, in the order in
// which that began. One who came and went in between is not among them.
func (t *Table[T]) Changed() []Key {
	var keys []Key
	for key, ok := t.changed.take(); ok; key, ok = t.changed.take() {
		if e := t.entries[key]; e != nil {
			e.seen = e.best != nil
		}
		keys = append(keys, key)
	}
	return keys
}

// Best is the route to a participant of another node.
func (t *Table[T]) Best(key Key) (r Route[T], ok bool) {
	e := t.entries[key]
	if e == nil || e.best == nil {
		return r, false
	}
	return t.route(e), true
}

// Routes is the best route to each participant of other nodes, by key. It is
// for people to look at: it takes as long as there are many.
func (t *Table[T]) Routes() []Route[T] {
	var routes []Route[T]
	for _, e := range t.entries {
		if e.best != nil {
			routes = append(routes, t.route(e))
		}
	}
	slices.SortFunc(routes, func(a, b Route[T]) int { return compareKeys(a.Key, b.Key) })
	return routes
}

// Ways calls yield with each path by which somebody of another node is reached,
// this node not included, and whether it is the one in use. The path is not to be
// kept.
func (t *Table[T]) Ways(yield func(path []NodeID, used bool)) {
	for _, e := range t.entries {
		for _, c := range e.candidates {
			yield(c.offer.Path, c == e.best)
		}
	}
}

func (t *Table[T]) route(e *entry[T]) Route[T] {
	r := Route[T]{Offer: e.best.offer, Trunk: e.best.from.trunk}
	r.RTT = e.best.rtt()
	for _, c := range e.candidates {
		if c != e.best && t.stands(c) {
			r.Alternatives++
		}
	}
	return r
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Participant, b.Participant))
}

// entry finds or makes an entry.
func (t *Table[T]) entry(key Key) *entry[T] {
	e := t.entries[key]
	if e == nil {
		// One that waits to be told as gone was seen.
		e = &entry[T]{seen: t.changed.has(key)}
		t.entries[key] = e
	}
	return e
}

// drop takes out an entry that leads nowhere.
func (t *Table[T]) drop(key Key) {
	e := t.entries[key]
	delete(t.entries, key)
	for _, n := range t.trunks {
		delete(n.gone, key)
	}
	t.lost(key, e)
}

// lost notes that a participant cannot be reached. What nobody was told of need
// not be told as gone: it would wait for a slow neighbour as often as one came.
func (t *Table[T]) lost(key Key, e *entry[T]) {
	e.told = nil
	if e.seen {
		t.changed.add(key)
	} else {
		t.changed.remove(key)
	}
	for _, n := range t.trunks {
		if n.told[key] != nil {
			n.pending.add(key)
		} else {
			n.pending.remove(key)
		}
	}
}

// rerouted notes that a participant is reached by another way, or by none, or is
// not what it was.
func (t *Table[T]) rerouted(key Key, e *entry[T]) {
	if e.best == nil {
		t.lost(key, e)
		return
	}
	t.changed.add(key)
	t.tell(key, e)
}

// tell has all neighbours told of a participant.
func (t *Table[T]) tell(key Key, e *entry[T]) {
	e.told = nil
	for _, n := range t.trunks {
		n.pending.add(key)
	}
}

// choose finds the best route of a participant of another node, and tells
// whether it is another one now.
//
// A trunk that is held takes nothing over from another one that works, and a
// doubted route is not taken while there is another. Neither can have routes
// chase each other: a hold only keeps what is, and a doubt takes one way out of
// the graph until it is lifted, or the last way left.
func (t *Table[T]) choose(key Key, e *entry[T]) bool {
	was := e.best
	stays := was != nil && !t.doubted(was) && t.stands(was)
	var best, doubted *candidate[T]
	for _, c := range e.candidates {
		switch {
		case stays && c.from.held && !was.from.held, !t.stands(c):
		case t.doubted(c):
			if doubted == nil || compare(c, doubted) < 0 {
				doubted = c
			}
		case best == nil || compare(c, best) < 0:
			best = c
		}
	}
	if best == nil && doubted != nil {
		best = doubted
		delete(t.doubts, doubt{best.from.trunk, key})
	}
	if stays && best != nil && len(was.offer.Path) == len(best.offer.Path) && !clearlyNearer(best, was) {
		best = was
	}
	e.best = best
	return best != was
}

// clearlyNearer tells whether a route's round trip is known to be shorter than
// another's by more than they waver.
func clearlyNearer[T any](a, b *candidate[T]) bool {
	return !a.from.unmeasured && !b.from.unmeasured && clearlyLess(a.rtt(), b.rtt())
}

// doubt is a route that is not taken while there is another.
type doubt struct {
	trunk string
	key   Key
}

func (t *Table[T]) doubted(c *candidate[T]) bool {
	return len(t.doubts) > 0 && t.doubts[doubt{c.from.trunk, c.offer.Key}]
}

// Distrust has a participant reached by another trunk than the one that is used
// now, over which nothing comes, until Trust. It returns false, and changes
// nothing, where that trunk is not used or there is no other. When the others
// are lost the trunk is used again, and is trusted.
func (t *Table[T]) Distrust(trunk string, key Key) bool {
	e := t.entries[key]
	if e == nil || e.best == nil || e.best.from.trunk != trunk {
		return false
	}
	for _, c := range e.candidates {
		if c != e.best && t.stands(c) && !t.doubted(c) {
			t.doubts[doubt{trunk, key}] = true
			if t.choose(key, e) {
				t.rerouted(key, e)
			}
			return true
		}
	}
	return false
}

// Trust ends what Distrust began.
func (t *Table[T]) Trust(trunk string, key Key) {
	if !t.doubts[doubt{trunk, key}] {
		return
	}
	delete(t.doubts, doubt{trunk, key})
	if e := t.entries[key]; e != nil && t.choose(key, e) {
		t.rerouted(key, e)
	}
}

// stands tells whether a route may be used. It may not when a node on it is a
// neighbour as well, and says that it has another way, or none any more: then
// the route is from before, and whoever offers it has not heard yet. Without
// this, one who leaves would be looked for along every path there is, and a
// neighbour that lies could have others' participants come by paths that those
// on them know nothing of. See "consistency assertions" in Pei et al., Improving
// BGP Convergence Through Consistency Assertions, INFOCOM 2002.
func (t *Table[T]) stands(c *candidate[T]) bool {
	o := &c.offer
	for i, node := range o.Path {
		if i == 0 {
			continue
		}
		for _, n := range t.byNode[node] {
			// A trunk may be for other rooms: what it says of one room says nothing
			// of another.
			if room, gone := n.gone[o.Key]; gone && room == o.Room {
				return false
			}
			if says := n.offers[o.Key]; says != nil && says.offer.Room == o.Room && !slices.Equal(says.offer.Path, o.Path[i:]) {
				return false
			}
		}
	}
	return true
}

// compare orders routes, the best one first: fewest hops, then one whose round
// trip is known, then the shortest round trip, then the smallest id of the neighbour and of the trunk.
func compare[T any](a, b *candidate[T]) int {
	return cmp.Or(
		cmp.Compare(len(a.offer.Path), len(b.offer.Path)),
		compareBools(a.from.unmeasured, b.from.unmeasured),
		cmp.Compare(a.rtt(), b.rtt()),
		cmp.Compare(a.from.node, b.from.node),
		cmp.Compare(a.from.trunk, b.from.trunk),
	)
}

// compareBools has false come first.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
