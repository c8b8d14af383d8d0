package access

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"umbrella/internal/bound"
)

// attempts slows down who guesses passwords: at each door, such as a room's, an
// origin may be wrong a few times, then has to wait, longer each time. The zero value
// is ready for use; it is safe for concurrent use.
type attempts struct {
	mu   sync.Mutex
	by   map[attemptKey]*attempt
	wide bucket      // of all origins together
	nets bound.Rates // of the networks of IPv6
}

type attemptKey struct {
	origin netip.Prefix
	door   string
}

type attempt struct {
	n    int       // wrong ones, those under way included
	last time.Time // when the last one began
	// right: one was right, and none of those since then was wrong too often.
	right bool
}

const (
	// freeAttempts of an address cost nothing; each one after that makes the next
	// one wait, a second at first, then twice as long each time.
	freeAttempts = 5
	longestWait  = 5 * time.Minute
	// forgetAfter is when an address that makes no attempts begins anew.
	forgetAfter = 15 * time.Minute
	// maxAttempts are remembered, by origin and door.
	maxAttempts = bound.MaxOrigins
	// Those who guess from many addresses get attemptsPerSecond together, once
	// they have had attemptBurst, and those of one /48 of IPv6, which may be one
	// client with 65,536 of the /64s that count as addresses, a fifth.
	attemptsPerSecond    = 10
	attemptBurst         = 100
	netAttemptsPerSecond = attemptsPerSecond / 5
	netAttemptBurst      = attemptBurst / 5
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

// begin counts an attempt as wrong, until right is called: many at once are no way
// round. undo is for one of which it is not known. The error is a *TryLaterError,
// and such an attempt does not count.
func (a *attempts) begin(addr netip.Addr, door string, now time.Time) (right, undo func(), err error) {
	key := attemptKey{bound.Origin(addr), door}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.by[key]
	if t != nil && now.Sub(t.last) >= forgetAfter {
		t = nil
	}
	if t != nil && t.n >= freeAttempts {
		wait := min(time.Second<<min(t.n-freeAttempts, 20), longestWait)
		if left := wait - now.Sub(t.last); left > 0 {
			return nil, nil, &TryLaterError{tooManyAttempts, (left + time.Second - 1).Truncate(time.Second)}
		}
	}
	// Who has known it not long ago does not wait for those who guess elsewhere.
	spared := t != nil && t.right && t.n < freeAttempts
	if !spared && !(a.ofNetwork(key.origin, now) && a.wide.take(now)) {
		return nil, nil, &TryLaterError{tooManyAttempts, time.Second}
	}
	if t == nil {
		a.makeRoom(now)
		if a.by == nil {
			a.by = map[attemptKey]*attempt{}
		}
		t = &attempt{}
		a.by[key] = t
	}
	t.n++
	t.last = now
	right = func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		t.n, t.right = 0, true
		if !spared {
			a.wide.giveBack()
		}
	}
	undo = func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		t.n = max(t.n-1, 0)
	}
	return right, undo, nil
}

// ofNetwork counts an attempt of a /64 for the /48 around it.
func (a *attempts) ofNetwork(origin netip.Prefix, now time.Time) bool {
	network, ok := bound.Network(origin)
	if !ok {
		return true
	}
	return a.nets.Allow(network, netAttemptsPerSecond, netAttemptBurst, now)
}

// makeRoom forgets who has been quiet for long, or longest: one who was wrong, if
// there is one.
func (a *attempts) makeRoom(now time.Time) {
	if len(a.by) < maxAttempts {
		return
	}
	var oldest attemptKey
	var was *attempt
	for key, t := range a.by {
		if now.Sub(t.last) >= forgetAfter {
			delete(a.by, key)
		} else if was == nil || was.right && !t.right || was.right == t.right && t.last.Before(was.last) {
			oldest, was = key, t
		}
	}
	if len(a.by) >= maxAttempts {
		delete(a.by, oldest)
	}
}

// bucket is what is left of attemptsPerSecond. Other than a rate.Limiter, it takes
// back what was not used up.
type bucket struct {
	used float64 // 0 to attemptBurst
	last time.Time
}

func (b *bucket) take(now time.Time) bool {
	if passed := now.Sub(b.last); passed > 0 {
		b.used = max(0, b.used-passed.Seconds()*attemptsPerSecond)
		b.last = now
	}
	if b.used > attemptBurst-1 {
		return false
	}
	b.used++
	return true
}

func (b *bucket) giveBack() { b.used = max(0, b.used-1) }
