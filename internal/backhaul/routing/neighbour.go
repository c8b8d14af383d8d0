package routing

import (
	"maps"
	"slices"
	"time"
)

// neighbour is the node at the other end of a trunk.
type neighbour[T any] struct {
	trunk   string
	node    NodeID
	carries func(room string) bool
	rtt     time.Duration
	// unmeasured: rtt is only a guess.
	unmeasured bool
	held       bool

	offers  map[Key]*candidate[T]
	gone    map[Key]string // rooms of those that it withdrew and others still offer
	cost    int            // of all offers
	refused Refusals

	told    map[Key]*Offer[T] // what it knows of us
	pending queue
}

// Up adds a trunk to a neighbour, or begins anew with one that there is. carries
// says which rooms it is for, and always says the same. There may be several
// trunks to one node: the best of them is used. A round-trip time below 0 is not
// known yet: such a trunk is used where no other leads as near.
func (t *Table[T]) Up(trunk string, node NodeID, carries func(room string) bool, rtt time.Duration) {
	t.Down(trunk)
	n := &neighbour[T]{
		trunk: trunk, node: node, carries: carries, rtt: bounded(rtt), unmeasured: rtt < 0,
		offers: map[Key]*candidate[T]{}, gone: map[Key]string{}, told: map[Key]*Offer[T]{},
	}
	if n.unmeasured {
		n.rtt = guessedRTT
	}
	t.trunks[trunk] = n
	t.byNode[node] = append(t.byNode[node], n)
	for _, key := range sortedKeys(t.entries) {
		n.pending.add(key)
	}
}

// Down takes a trunk away, with all that was reached by it. It takes as long as
// the neighbour offered many.
func (t *Table[T]) Down(trunk string) {
	n := t.trunks[trunk]
	if n == nil {
		return
	}
	delete(t.trunks, trunk)
	t.byNode[n.node] = slices.DeleteFunc(t.byNode[n.node], func(x *neighbour[T]) bool { return x == n })
	if len(t.byNode[n.node]) == 0 {
		delete(t.byNode, n.node)
	}
	for _, key := range sortedKeys(n.offers) {
		t.forget(n, key, false)
	}
	for _, key := range sortedKeys(n.gone) {
		t.forget(n, key, false)
	}
}

// sortedKeys has the same happen in the same order each time: a network that
// behaves badly can be simulated again.
func sortedKeys[V any](m map[Key]V) []Key { return slices.SortedFunc(maps.Keys(m), compareKeys) }

// SetRoundTrip tells the round-trip time of a trunk. One that is about what it
// was changes nothing.
func (t *Table[T]) SetRoundTrip(trunk string, rtt time.Duration) {
	rtt = bounded(rtt)
	n := t.trunks[trunk]
	if n == nil || !n.unmeasured && !farApart(n.rtt, rtt) {
		return
	}
	n.rtt, n.unmeasured = rtt, false
	for _, key := range sortedKeys(n.offers) {
		e := t.entries[key]
		if t.choose(key, e) {
			t.rerouted(key, e)
		} else if e.best != nil && e.best.from == n {
			t.tell(key, e)
		}
	}
}

// Hold has a trunk take nothing over that is reached well by another, until
// Settle: one that comes and goes would disturb more than it is good for. What
// is reached by no other is reached by it at once.
func (t *Table[T]) Hold(trunk string) {
	if n := t.trunks[trunk]; n != nil {
		n.held = true
	}
}

// Settle ends what Hold began.
func (t *Table[T]) Settle(trunk string) {
	n := t.trunks[trunk]
	if n == nil || !n.held {
		return
	}
	n.held = false
	for _, key := range sortedKeys(n.offers) {
		if e := t.entries[key]; t.choose(key, e) {
			t.rerouted(key, e)
		}
	}
}

// HasPending tells that there may be something to tell a neighbour.
func (t *Table[T]) HasPending(trunk string) bool {
	n := t.trunks[trunk]
	return n != nil && n.pending.len() > 0
}

// Pending returns what is to be told to a neighbour now, of so many keys at
// most: nothing when all is told. It counts as told. However long it is not
// called, no more waits than the newest state of each key.
func (t *Table[T]) Pending(trunk string, most int) (offers []Offer[T], withdrawn []Key) {
	n := t.trunks[trunk]
	if n == nil {
		return nil, nil
	}
	for len(offers)+len(withdrawn) < most {
		key, ok := n.pending.take()
		if !ok {
			break
		}
		o, was := t.export(n, key), n.told[key]
		switch {
		case o == nil && was != nil:
			delete(n.told, key)
			withdrawn = append(withdrawn, key)
		case o != nil && (was == nil || !was.sameWay(o) || farApart(was.RTT, o.RTT) || !t.equal(was.Info, o.Info)):
			n.told[key] = o
			offers = append(offers, *o)
		}
	}
	return offers, withdrawn
}

// export is what a neighbour is told of a participant: nil when it is reached
// through the neighbour itself, or not meant for it.
func (t *Table[T]) export(n *neighbour[T], key Key) *Offer[T] {
	e := t.entries[key]
	if e == nil || e.own == nil && e.best == nil {
		return nil
	}
	if e.told == nil {
		e.told = t.toTell(e)
	}
	if o := e.told; len(o.Path) <= MaxPath && !slices.Contains(o.Path, n.node) && n.carries(o.Room) {
		return o
	}
	return nil
}

// toTell is the best route as this node offers it.
func (t *Table[T]) toTell(e *entry[T]) *Offer[T] {
	if e.own != nil {
		return e.own
	}
	o := e.best.offer
	o.Path = append([]NodeID{t.self}, o.Path...)
	o.RTT = bounded(e.best.rtt())
	return &o
}

// Told tells whether a neighbour was told of a participant, so that it may ask
// for what it sends.
func (t *Table[T]) Told(trunk string, key Key) bool {
	n := t.trunks[trunk]
	return n != nil && n.told[key] != nil
}

// Offered is where a neighbour says that a participant is, and its Info; ok is false
// when it does not offer it.
func (t *Table[T]) Offered(trunk string, key Key) (room string, info T, ok bool) {
	n := t.trunks[trunk]
	if n == nil || n.offers[key] == nil {
		return "", info, false
	}
	o := &n.offers[key].offer
	return o.Room, o.Info, true
}

// Carries tells whether a trunk is for a room.
func (t *Table[T]) Carries(trunk, room string) bool {
	n := t.trunks[trunk]
	return n != nil && n.carries(room)
}
