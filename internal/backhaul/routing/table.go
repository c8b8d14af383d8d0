package routing

import (
	"cmp"
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
	// Cost is what an Info takes, in bytes; nil: nothing. It is asked once for
	// each offer.
	Cost func(T) int

	self    NodeID
	equal   func(a, b T) bool
	trunks  map[string]*neighbour[T]
	entries map[Key]*entry[T] // each has own or best
	changed queue
}

// entry is what is known of one participant.
type entry[T any] struct {
	own        *Offer[T] // of a participant of this node
	candidates []*candidate[T]
	best       *candidate[T]
	// seen is that Changed has returned it since it was unknown.
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
		MaxParticipants: 4096, MaxCost: 4 << 20, self: self, equal: equal,
		trunks: map[string]*neighbour[T]{}, entries: map[Key]*entry[T]{},
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
			e.seen = true
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
	return e.route(), true
}

// Routes is the best route to each participant of other nodes, by key. It is
// for people to look at: it takes as long as there are many.
func (t *Table[T]) Routes() []Route[T] {
	var routes []Route[T]
	for _, e := range t.entries {
		if e.best != nil {
			routes = append(routes, e.route())
		}
	}
	slices.SortFunc(routes, func(a, b Route[T]) int { return compareKeys(a.Key, b.Key) })
	return routes
}

func (e *entry[T]) route() Route[T] {
	r := Route[T]{Offer: e.best.offer, Trunk: e.best.from.trunk, Alternatives: len(e.candidates) - 1}
	r.RTT = e.best.rtt()
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

// drop takes out an entry that leads nowhere. What nobody was told of need not
// be told as gone: it would wait for a slow neighbour as often as one came.
func (t *Table[T]) drop(key Key) {
	e := t.entries[key]
	delete(t.entries, key)
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

// tell has all neighbours told of a participant.
func (t *Table[T]) tell(key Key, e *entry[T]) {
	e.told = nil
	for _, n := range t.trunks {
		n.pending.add(key)
	}
}

// choose finds the best route of a participant of another node, and tells
// whether it is another one now.
func (t *Table[T]) choose(e *entry[T]) bool {
	was, best := e.best, e.best
	for _, c := range e.candidates {
		if best == nil || compare(c, best) < 0 {
			best = c
		}
	}
	if was != nil && len(was.offer.Path) == len(best.offer.Path) && !clearlyLess(best.rtt(), was.rtt()) {
		best = was
	}
	e.best = best
	return best != was
}

// compare orders routes, the best one first: fewest hops, then the shortest
// round trip, then the smallest id of the neighbour and of the trunk.
func compare[T any](a, b *candidate[T]) int {
	return cmp.Or(
		cmp.Compare(len(a.offer.Path), len(b.offer.Path)),
		cmp.Compare(a.rtt(), b.rtt()),
		cmp.Compare(a.from.node, b.from.node),
		cmp.Compare(a.from.trunk, b.from.trunk),
	)
}
