package bound

import (
	"sync"
	"sync/atomic"
)

// Pool is an amount of something, such as bytes of memory, that many share. The
// zero value has no bound and only counts. It is safe for concurrent use, and takes
// no lock.
type Pool struct {
	most, used atomic.Int64
	refused    atomic.Uint64
}

// SetMost sets how much there is; 0 is no bound. What is in use stays in use.
func (p *Pool) SetMost(n int64) { p.most.Store(n) }

// Most is how much there is; 0 is no bound.
func (p *Pool) Most() int64 { return p.most.Load() }

// Used is how much is in use. It may be more than Most by what Add added.
func (p *Pool) Used() int64 { return p.used.Load() }

// Refused counts how often May was false.
func (p *Pool) Refused() uint64 { return p.refused.Load() }

// Share is what one of those that share a Pool has of it. No share may have more
// than is left free by all together. So one that wants all gets half, n that want
// all get the n+1-th part each, and there is always something left for one that
// comes later. (Choudhury and Hahne, "Dynamic Queue Length Thresholds for
// Shared-Memory Packet Switches", 1998, have the same rule for packet buffers.)
//
// The zero value belongs to no pool and has no bound. It is safe for concurrent
// use, and takes no lock: shares that ask at the same moment may both get the last
// of it.
type Share struct {
	Pool *Pool

	used atomic.Int64
}

// May reports whether the share may have n more.
func (s *Share) May(n int64) bool {
	if s.room(n) >= 0 {
		return true
	}
	s.Pool.refused.Add(1)
	return false
}

// Over reports whether the share has more than it may: others have come since.
// With spare, it already does when less than that is left of what it may have.
func (s *Share) Over(spare int64) bool { return s.used.Load() > 0 && s.room(0) < spare }

// room is what the share may have beyond what it has once n more are in use.
func (s *Share) room(n int64) int64 {
	if s.Pool == nil {
		return 1<<63 - 1
	}
	most := s.Pool.most.Load()
	if most == 0 {
		return 1<<63 - 1
	}
	return most - s.Pool.used.Load() - n - (s.used.Load() + n)
}

// Add counts n more; n is below zero for what is given back.
func (s *Share) Add(n int64) {
	s.used.Add(n)
	if s.Pool != nil {
		s.Pool.used.Add(n)
	}
}

// Left is how much more the share may have.
func (s *Share) Left() int64 { return max(s.room(0)/2, 0) }

// Used is how much the share has.
func (s *Share) Used() int64 { return s.used.Load() }

// Shares are the shares of one Pool by what they belong to, such as an origin. The
// zero value is ready for use; it is safe for concurrent use.
type Shares[K comparable] struct {
	Pool Pool

	mu sync.Mutex
	by map[K]*counted
}

// counted is a share with how many hold it.
type counted struct {
	Share
	holders int
}

// Of is the share of k. It is remembered until release was called once for each call
// of Of.
func (s *Shares[K]) Of(k K) (share *Share, release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[K]*counted{}
	}
	c := s.by[k]
	if c == nil {
		c = &counted{Share: Share{Pool: &s.Pool}}
		s.by[k] = c
	}
	c.holders++
	return &c.Share, sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.holders--; c.holders == 0 {
			delete(s.by, k)
		}
	})
}
