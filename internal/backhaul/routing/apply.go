package routing

import (
	"fmt"
	"slices"
	"strings"
)

// Refusals counts what a neighbour offered in vain since its trunk is up.
type Refusals struct {
	// Malformed have a path that no node sends: it does not begin with the
	// neighbour or end with the origin, has a node twice, or too many.
	Malformed int
	// Own are said to have come in at this node.
	Own int
	// TooMany are beyond MaxParticipants, TooLarge beyond MaxCost or MaxTotal.
	TooMany, TooLarge int
}

// Total is how many there are.
func (r Refusals) Total() int { return r.Malformed + r.Own + r.TooMany + r.TooLarge }

// String says what was refused and why, for people; it is empty when nothing was.
func (r Refusals) String() string {
	var why []string
	for _, c := range []struct {
		count int
		what  string
	}{
		{r.TooMany, "beyond the number of participants that one neighbour may announce"},
		{r.TooLarge, "beyond the memory that there is for those of other nodes"},
		{r.Malformed, "with a path that cannot be"},
		{r.Own, "of participants of this very node (has another node the same id?)"},
	} {
		if c.count > 0 {
			why = append(why, fmt.Sprintf("%d %s", c.count, c.what))
		}
	}
	if len(why) == 0 {
		return ""
	}
	return "announcements refused: " + strings.Join(why, ", ")
}

// Refused is what a neighbour offered in vain.
func (t *Table[T]) Refused(trunk string) Refusals {
	if n := t.trunks[trunk]; n != nil {
		return n.refused
	}
	return Refusals{}
}

// Apply takes what a neighbour says. An offer that is refused takes back what
// the neighbour offered under that key before. The time that it takes does not
// depend on how much the table holds.
func (t *Table[T]) Apply(trunk string, offers []Offer[T], withdrawn []Key) {
	n := t.trunks[trunk]
	if n == nil {
		return
	}
	for _, key := range withdrawn {
		t.forget(n, key, true)
	}
	for _, o := range offers {
		t.offered(n, o)
	}
}

func (t *Table[T]) offered(n *neighbour[T], o Offer[T]) {
	if !t.allowed(n, &o) {
		t.forget(n, o.Key, false)
		return
	}
	o.RTT = bounded(o.RTT)
	c, had := n.offers[o.Key], 0
	if c != nil {
		had = c.cost
	}
	cost := t.cost(&o)
	switch {
	case c == nil && len(n.offers) >= t.MaxParticipants:
		n.refused.TooMany++
		t.forget(n, o.Key, false)
		return
	case cost > t.MaxCost-(n.cost-had), cost > t.MaxTotal-(t.total-had) && cost > t.Assured-(n.cost-had):
		n.refused.TooLarge++
		t.forget(n, o.Key, false)
		return
	}
	n.cost += cost - had
	t.total += cost - had
	e := t.entry(o.Key)
	t.share(e, &o)
	if c == nil {
		delete(n.gone, o.Key)
		c = &candidate[T]{from: n, offer: o, cost: cost}
		n.offers[o.Key] = c
		e.candidates = append(e.candidates, c)
		if t.choose(o.Key, e) {
			t.rerouted(o.Key, e)
		}
		return
	}
	was := c.offer
	c.offer, c.cost = o, cost
	anew := !was.sameWay(&o) || !t.equal(was.Info, o.Info)
	switch {
	case t.choose(o.Key, e), e.best == c && anew:
		t.rerouted(o.Key, e)
	case e.best == c && was.RTT != o.RTT:
		t.tell(o.Key, e)
	}
}

// share has an offer hold what another one of the same participant holds: most of
// what neighbours say of one is the same, and most of it is long.
func (t *Table[T]) share(e *entry[T], o *Offer[T]) {
	if len(e.candidates) == 0 {
		return
	}
	other := &e.candidates[0].offer
	o.Key = other.Key
	if o.Room == other.Room {
		o.Room = other.Room
	}
	if t.equal(o.Info, other.Info) {
		o.Info = other.Info
	}
}

// allowed tells whether an offer is one that this node can use. One whose path
// leads through this node, or in a room that the trunk is not for, is what
// honest neighbours send too; the rest is counted.
func (t *Table[T]) allowed(n *neighbour[T], o *Offer[T]) bool {
	if o.Key.Origin == t.self {
		n.refused.Own++
		return false
	}
	if !wellFormed(n.node, o) {
		n.refused.Malformed++
		return false
	}
	return !slices.Contains(o.Path, t.self) && n.carries(o.Room)
}

// wellFormed tells whether an offer can be one of a node.
func wellFormed[T any](from NodeID, o *Offer[T]) bool {
	if len(o.Path) == 0 || len(o.Path) > MaxPath || o.RTT < 0 ||
		o.Path[0] != from || o.Path[len(o.Path)-1] != o.Key.Origin {
		return false
	}
	for i, node := range o.Path {
		if slices.Contains(o.Path[:i], node) {
			return false
		}
	}
	return true
}

func (t *Table[T]) cost(o *Offer[T]) int {
	cost := len(o.Key.Origin) + len(o.Key.Participant) + len(o.Room)
	for _, node := range o.Path {
		cost += len(node)
	}
	if t.Cost != nil {
		cost += min(t.Cost(o.Info), t.MaxCost)
	}
	return cost
}

// forget takes back what a neighbour offered under a key. withdrawn tells that it
// said so itself: what others say of it is measured by that.
func (t *Table[T]) forget(n *neighbour[T], key Key, withdrawn bool) {
	c := n.offers[key]
	_, gone := n.gone[key]
	if c == nil && (withdrawn || !gone) {
		return
	}
	e, lost := t.entries[key], false
	if withdrawn {
		n.gone[key] = c.offer.Room
	} else {
		delete(n.gone, key)
	}
	if c != nil {
		delete(n.offers, key)
		n.cost -= c.cost
		t.total -= c.cost
		e.candidates = slices.DeleteFunc(e.candidates, func(x *candidate[T]) bool { return x == c })
		if len(e.candidates) == 0 {
			t.drop(key)
			return
		}
		if lost = e.best == c; lost {
			e.best = nil
		}
	}
	if t.choose(key, e) || lost {
		t.rerouted(key, e)
	}
}
