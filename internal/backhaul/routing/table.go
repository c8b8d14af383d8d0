// Package routing finds out by which trunk each participant of other nodes is
// reached: path vectors, as between the networks of the Internet (RFC 4271), one
// for each participant. It knows no network and no clock.
package routing

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// NodeID names a node: 16 hexadecimal digits.
type NodeID string

// ErrNodeID is returned for what is no NodeID.
var ErrNodeID = errors.New("a node's id is 16 hexadecimal digits in small letters")

// ParseNodeID reads one.
func ParseNodeID(s string) (NodeID, error) {
	if len(s) != 16 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", ErrNodeID
	}
	return NodeID(s), nil
}

// Key names a participant on all nodes.
type Key struct {
	Origin      NodeID // node at which it came in
	Participant string // id there
}

// Offer is what a node says of a participant that it can supply.
type Offer[T any] struct {
	Key  Key
	Room string
	// Path is the nodes that the participant is reached by: first the one that
	// says so, last the origin.
	Path []NodeID
	// RTT is the sum of the round-trip times along the path.
	RTT  time.Duration
	Info T
}

// Route is how a participant is reached.
type Route[T any] struct {
	Offer[T]
	Trunk string
	// Alternatives is by how many other trunks it is reached too.
	Alternatives int
}

// MaxPath bounds the nodes of a path.
const MaxPath = 16

// What a route has to be better by than the one in use, if it is as long: round
// trips waver, and each change costs a keyframe.
const (
	betterBy      = 20 * time.Millisecond
	betterPercent = 20
)

// Table is the routes of one node. It is not safe for concurrent use.
type Table[T any] struct {
	// MaxParticipants and MaxCost bound what one neighbour may offer, MaxCost in
	// the units of Cost; a neighbour that offers more is not believed the rest.
	MaxParticipants int
	MaxCost         int
	// Cost of an Info; nil: they cost nothing.
	Cost func(T) int

	self    NodeID
	equal   func(a, b T) bool
	trunks  map[string]*neighbour[T]
	entries map[Key]*entry[T]
	changed queue
}

// entry is what is known of one participant.
type entry[T any] struct {
	local  bool
	own    Offer[T]             // of a local one
	offers map[string]*Offer[T] // by trunk
	best   string               // trunk; "" when there is none
}

// neighbour is the node at the other end of a trunk.
type neighbour[T any] struct {
	node    NodeID
	carries func(room string) bool
	rtt     time.Duration
	offers  map[Key]bool
	cost    int
	told    map[Key]*Offer[T]
	pending queue
	refused int
}

// queue is keys in the order in which they came, each once.
type queue struct {
	in   map[Key]bool
	list []Key
}

func (q *queue) add(k Key) {
	if q.in == nil {
		q.in = map[Key]bool{}
	}
	if !q.in[k] {
		q.in[k] = true
		q.list = append(q.list, k)
	}
}

func (q *queue) take(n int) []Key {
	n = min(n, len(q.list))
	taken := q.list[:n:n]
	q.list = q.list[n:]
	for _, k := range taken {
		delete(q.in, k)
	}
	return taken
}

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
	if e.local && e.own.Room == room && t.equal(e.own.Info, info) {
		return
	}
	e.local, e.own = true, Offer[T]{Key: key, Room: room, Path: []NodeID{t.self}, Info: info}
	t.tell(key)
}

// RemoveLocal takes it back.
func (t *Table[T]) RemoveLocal(participant string) {
	key := Key{t.self, participant}
	if t.entries[key] != nil {
		delete(t.entries, key)
		t.tell(key)
	}
}

// Up adds a trunk to a neighbour. carries says which rooms it is for.
func (t *Table[T]) Up(trunk string, node NodeID, carries func(room string) bool, rtt time.Duration) {
	t.Down(trunk)
	n := &neighbour[T]{node: node, carries: carries, rtt: rtt, offers: map[Key]bool{}, told: map[Key]*Offer[T]{}}
	t.trunks[trunk] = n
	for key := range t.entries {
		n.pending.add(key)
	}
}

// Down takes a trunk away, with all that was reached by it.
func (t *Table[T]) Down(trunk string) {
	n := t.trunks[trunk]
	if n == nil {
		return
	}
	delete(t.trunks, trunk)
	for key := range n.offers {
		t.withdraw(trunk, key)
	}
}

// SetRoundTrip tells the round-trip time of a trunk.
func (t *Table[T]) SetRoundTrip(trunk string, rtt time.Duration) {
	n := t.trunks[trunk]
	if n == nil || !much(n.rtt, rtt) {
		return
	}
	n.rtt = rtt
	for key := range n.offers {
		t.choose(key)
		t.tell(key)
	}
}

// much tells round-trip times apart by more than they waver.
func much(a, b time.Duration) bool {
	d := max(a-b, b-a)
	return d >= betterBy && d*100 >= max(a, b)*betterPercent
}

// Apply takes what a neighbour says. What breaks the rules, or is too much, is
// left out and counted.
func (t *Table[T]) Apply(trunk string, offers []Offer[T], withdrawn []Key) {
	n := t.trunks[trunk]
	if n == nil {
		return
	}
	for _, key := range withdrawn {
		t.forget(trunk, n, key)
	}
	for i := range offers {
		o := &offers[i]
		if !t.allowed(n, o) {
			t.forget(trunk, n, o.Key)
			continue
		}
		cost, had := t.cost(o.Info), 0
		if n.offers[o.Key] {
			had = t.cost(t.entries[o.Key].offers[trunk].Info)
		}
		if !n.offers[o.Key] && len(n.offers) >= t.MaxParticipants || n.cost-had+cost > t.MaxCost {
			n.refused++
			t.forget(trunk, n, o.Key)
			continue
		}
		n.cost += cost - had
		n.offers[o.Key] = true
		e := t.entry(o.Key)
		if e.offers == nil {
			e.offers = map[string]*Offer[T]{}
		}
		was := e.offers[trunk]
		e.offers[trunk] = o
		if was != nil && e.best != "" && was.Room == o.Room && slices.Equal(was.Path, o.Path) && t.equal(was.Info, o.Info) && !much(was.RTT, o.RTT) {
			continue
		}
		best := e.best
		t.choose(o.Key)
		if best == e.best && e.best == trunk { // the same route, with other contents
			t.changed.add(o.Key)
			t.tell(o.Key)
		}
	}
}

// allowed tells whether an offer is one that this node can use. One whose path
// leads through this node, or on a trunk that is not for the room, is only left
// out; the rest is against the rules.
func (t *Table[T]) allowed(n *neighbour[T], o *Offer[T]) bool {
	if o.Key.Origin == t.self || len(o.Path) == 0 || len(o.Path) > MaxPath ||
		o.Path[0] != n.node || o.Path[len(o.Path)-1] != o.Key.Origin || o.RTT < 0 {
		n.refused++
		return false
	}
	for i, node := range o.Path {
		if node == t.self {
			return false
		}
		if slices.Contains(o.Path[:i], node) {
			n.refused++
			return false
		}
	}
	return n.carries(o.Room)
}

func (t *Table[T]) cost(info T) int {
	if t.Cost == nil {
		return 0
	}
	return t.Cost(info)
}

// forget takes back what a neighbour offered under a key.
func (t *Table[T]) forget(trunk string, n *neighbour[T], key Key) {
	if n.offers[key] {
		n.cost -= t.cost(t.entries[key].offers[trunk].Info)
		delete(n.offers, key)
		t.withdraw(trunk, key)
	}
}

// withdraw takes a trunk's offer out of an entry.
func (t *Table[T]) withdraw(trunk string, key Key) {
	e := t.entries[key]
	delete(e.offers, trunk)
	t.choose(key)
	if len(e.offers) == 0 && !e.local {
		delete(t.entries, key)
	}
}

func (t *Table[T]) entry(key Key) *entry[T] {
	e := t.entries[key]
	if e == nil {
		e = &entry[T]{}
		t.entries[key] = e
	}
	return e
}

// choose finds the best route of a participant of another node.
func (t *Table[T]) choose(key Key) {
	e := t.entries[key]
	if e.local {
		return
	}
	best := e.best
	if e.offers[best] == nil {
		best = ""
	}
	for trunk := range e.offers {
		if best == "" || t.better(e, trunk, best, best == e.best) {
			best = trunk
		}
	}
	if best != e.best {
		e.best = best
		t.changed.add(key)
		t.tell(key)
	}
}

// better compares two trunks by which a participant is reached. The one in use
// is only left for one that is clearly better.
func (t *Table[T]) better(e *entry[T], a, b string, inUse bool) bool {
	x, y := e.offers[a], e.offers[b]
	if len(x.Path) != len(y.Path) {
		return len(x.Path) < len(y.Path)
	}
	rx, ry := x.RTT+t.trunks[a].rtt, y.RTT+t.trunks[b].rtt
	if much(rx, ry) {
		return rx < ry
	}
	if inUse {
		return false
	}
	if x.Path[0] != y.Path[0] {
		return x.Path[0] < y.Path[0]
	}
	return a < b
}

// tell has all neighbours told of a participant.
func (t *Table[T]) tell(key Key) {
	for _, n := range t.trunks {
		n.pending.add(key)
	}
}

// HasPending tells that there may be something to tell a neighbour.
func (t *Table[T]) HasPending(trunk string) bool {
	n := t.trunks[trunk]
	return n != nil && len(n.pending.list) > 0
}

// Pending returns what is to be told to a neighbour now, of so many keys at
// most: nothing when all is told. It counts as told.
func (t *Table[T]) Pending(trunk string, most int) (offers []Offer[T], withdrawn []Key) {
	n := t.trunks[trunk]
	if n == nil {
		return nil, nil
	}
	for len(n.pending.list) > 0 && len(offers)+len(withdrawn) < most {
		for _, key := range n.pending.take(1) {
			o, ok := t.export(n, key)
			was := n.told[key]
			switch {
			case !ok && was != nil:
				delete(n.told, key)
				withdrawn = append(withdrawn, key)
			case ok && (was == nil || was.Room != o.Room || !slices.Equal(was.Path, o.Path) || much(was.RTT, o.RTT) || !t.equal(was.Info, o.Info)):
				n.told[key] = &o
				offers = append(offers, o)
			}
		}
	}
	return offers, withdrawn
}

// export is what a neighbour is told of a participant; ok is false when it is
// nothing: it is reached through the neighbour itself, or not meant for it.
func (t *Table[T]) export(n *neighbour[T], key Key) (o Offer[T], ok bool) {
	e := t.entries[key]
	switch {
	case e == nil:
		return o, false
	case e.local:
		o = e.own
	case e.best == "":
		return o, false
	default:
		o = *e.offers[e.best]
		if len(o.Path) >= MaxPath || slices.Contains(o.Path, n.node) {
			return o, false
		}
		o.Path = append([]NodeID{t.self}, o.Path...)
		o.RTT += t.trunks[e.best].rtt
	}
	return o, n.carries(o.Room)
}

// Changed returns the participants of other nodes whose route, or what it leads
// to, is not what it was at the last call.
func (t *Table[T]) Changed() []Key { return t.changed.take(len(t.changed.list)) }

// Best is the route to a participant of another node.
func (t *Table[T]) Best(key Key) (r Route[T], ok bool) {
	e := t.entries[key]
	if e == nil || e.local || e.best == "" {
		return r, false
	}
	return Route[T]{Offer: *e.offers[e.best], Trunk: e.best, Alternatives: len(e.offers) - 1}, true
}

// Told tells whether a neighbour was told of a participant, so that it may ask
// for what it sends.
func (t *Table[T]) Told(trunk string, key Key) bool {
	n := t.trunks[trunk]
	return n != nil && n.told[key] != nil
}

// Carries tells whether a trunk is for a room.
func (t *Table[T]) Carries(trunk, room string) bool {
	n := t.trunks[trunk]
	return n != nil && n.carries(room)
}

// Refused is how many offers of a neighbour were against the rules or too many.
func (t *Table[T]) Refused(trunk string) int {
	if n := t.trunks[trunk]; n != nil {
		return n.refused
	}
	return 0
}
