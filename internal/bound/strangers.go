package bound

import (
	"container/list"
	"net/netip"
	"sync"
)

// Strangers are connections of which nothing is known yet. There is always room for
// another one: where there are too many, the one is turned out that has been there
// for longest, for whoever means it makes itself known soon. Set the fields; it is
// safe for concurrent use.
type Strangers struct {
	Most      int // in all
	MostOfOne int // of one origin; of a /48 four times as many, or half of Most

	mu  sync.Mutex
	all list.List            // of *stranger, the oldest first
	of  map[netip.Prefix]int // origins and networks
}

type stranger struct {
	origin, network netip.Prefix
	turnOut         func()
}

// Add takes a stranger in. known ends that it is one, and may be called more than
// once. turnOut is called at most once, from the Add of another one. Where an origin is
// shared, MostOfOne does not count for it.
func (s *Strangers) Add(origin netip.Prefix, shared bool, turnOut func()) (known func()) {
	e, out := s.add(origin, shared, turnOut)
	if out != nil {
		out.turnOut()
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(e)
	}
}

// add also takes out the one that has to give way, or returns nil.
func (s *Strangers) add(origin netip.Prefix, shared bool, turnOut func()) (e *list.Element, out *stranger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	network, inside := Network(origin)
	inside = inside && !shared
	switch {
	case !shared && s.of[origin] >= s.MostOfOne:
		out = s.oldest(func(o *stranger) bool { return o.origin == origin })
	case inside && s.of[network] >= ofNetwork(s.MostOfOne, s.Most):
		out = s.oldest(func(o *stranger) bool { return o.network == network })
	case s.all.Len() >= s.Most:
		out = s.oldest(func(*stranger) bool { return true })
	}
	if s.of == nil {
		s.of = map[netip.Prefix]int{}
	}
	s.of[origin]++
	if inside {
		s.of[network]++
	} else {
		network = netip.Prefix{}
	}
	return s.all.PushBack(&stranger{origin, network, turnOut}), out
}

// oldest takes out the first that fits.
func (s *Strangers) oldest(fits func(*stranger) bool) *stranger {
	for e := s.all.Front(); e != nil; e = e.Next() {
		if o := e.Value.(*stranger); fits(o) {
			s.remove(e)
			return o
		}
	}
	return nil
}

// remove does nothing for one that has been removed.
func (s *Strangers) remove(e *list.Element) {
	o := e.Value.(*stranger)
	if o == nil {
		return
	}
	s.all.Remove(e)
	e.Value = (*stranger)(nil)
	for _, p := range []netip.Prefix{o.origin, o.network} {
		if s.of[p]--; s.of[p] <= 0 {
			delete(s.of, p)
		}
	}
}
