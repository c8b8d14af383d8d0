package access

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"umbrella/internal/bound"
)

// attempts slows down who guesses passwords: each address may be wrong a few times,
// then has to wait, longer each time. The zero value is ready for use; it is safe
// for concurrent use.
type attempts struct {
	mu   sync.Mutex
	by   map[netip.Prefix]*attempt
	wide *rate.Limiter // of all addresses together
}

type attempt struct {
	n    int       // wrong ones, those under way included
	last time.Time // when the last one began
}

const (
	// freeAttempts of an address cost nothing; each one after that makes the next
	// one wait, a second at first, then twice as long each time.
	freeAttempts = 5
	longestWait  = 5 * time.Minute
	// forgetAfter is when an address that makes no attempts begins anew.
	forgetAfter = 15 * time.Minute
	// maxAddresses are remembered.
	maxAddresses = 4096
	// Those who guess from many addresses get attemptsPerSecond together, once
	// they have had attemptBurst.
	attemptsPerSecond = 10
	attemptBurst      = 100
)

// TryLaterError says that there was too much of something.
type TryLaterError struct {
	What  string
	After time.Duration // when the next one is looked at, in whole seconds
}

func (e *TryLaterError) Error() string {
	if e.After <= time.Second {
		return e.What + ": try again in a second"
	}
	return fmt.Sprintf("%s: try again in %d seconds", e.What, int(e.After/time.Second))
}

const tooManyAttempts = "too many wrong attempts"

// begin counts an attempt as wrong, until right says that it was not; so many at
// once are no way round. The error is a *TryLaterError, and such an attempt does
// not count.
func (a *attempts) begin(addr netip.Addr, now time.Time) error {
	key := bound.Origin(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = map[netip.Prefix]*attempt{}
		a.wide = rate.NewLimiter(attemptsPerSecond, attemptBurst)
	}
	t := a.by[key]
	if t != nil && now.Sub(t.last) >= forgetAfter {
		t = nil
	}
	if t != nil && t.n >= freeAttempts {
		wait := min(time.Second<<min(t.n-freeAttempts, 20), longestWait)
		if left := wait - now.Sub(t.last); left > 0 {
			return &TryLaterError{tooManyAttempts, (left + time.Second - 1).Truncate(time.Second)}
		}
	}
	if !a.wide.AllowN(now, 1) {
		return &TryLaterError{tooManyAttempts, time.Second}
	}
	if t == nil {
		a.makeRoom(now)
		t = &attempt{}
		a.by[key] = t
	}
	t.n++
	t.last = now
	return nil
}

// right forgives an address what it did.
func (a *attempts) right(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.by, bound.Origin(addr))
}

// makeRoom forgets who has been quiet for long, or longest.
func (a *attempts) makeRoom(now time.Time) {
	if len(a.by) < maxAddresses {
		return
	}
	var oldest netip.Prefix
	var at time.Time
	for key, t := range a.by {
		if now.Sub(t.last) >= forgetAfter {
			delete(a.by, key)
		} else if at.IsZero() || t.last.Before(at) {
			oldest, at = key, t.last
		}
	}
	if len(a.by) >= maxAddresses {
		delete(a.by, oldest)
	}
}
