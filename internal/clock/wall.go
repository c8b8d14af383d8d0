package clock

import (
	"context"
	"sync"
	"time"
)

const (
	// leastJump is by how much the wall clock has to be set to count as set: NTP moves
	// it by less all the time.
	leastJump = 5 * time.Second
	// watchInterval is how often Watch looks.
	watchInterval = time.Second
	// maxEpochs bounds how many times of setting the clock are remembered.
	maxEpochs = 32
)

// Wall remembers what the wall clock showed before it was set, so that stamps which it
// made then can be judged. The zero value is ready. Safe for concurrent use.
type Wall struct {
	// Now is the time, with its monotonic part; nil: time.Now. Others are for tests.
	Now func() time.Time

	mu     sync.Mutex
	epochs []epoch // the present one last
}

// epoch is a time in which nobody set the wall clock.
type epoch struct {
	ahead    time.Duration // by which the wall clock is ahead of the steady one
	from, to time.Time     // of the steady clock; to is when it was last looked at
}

// Machine is the wall clock of this machine.
var Machine = &Wall{}

// Time is the time that the wall clock shows, with its monotonic part.
func (w *Wall) Time() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}

// Look notes whether the wall clock was set, and returns by how much; 0: it was not.
func (w *Wall) Look() (jump time.Duration) {
	t := w.Time()
	steady := Steady(t)
	ahead := t.Round(0).Sub(steady)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.epochs) == 0 {
		w.epochs = append(w.epochs, epoch{ahead: ahead, from: steady, to: steady})
		return 0
	}
	present := &w.epochs[len(w.epochs)-1]
	jump = ahead - present.ahead
	if jump.Abs() < leastJump {
		present.to = steady
		return 0
	}
	w.epochs = append(w.epochs, epoch{ahead: ahead, from: steady, to: steady})
	if len(w.epochs) > maxEpochs {
		w.epochs = w.epochs[1:]
	}
	return jump
}

// Readings returns what the clocks would show now that can have made a stamp: one where it
// is of a time of this process, and otherwise all that this machine had, as far as they can
// be right, and the present one.
func (w *Wall) Readings(stamp time.Time) (list []time.Time) {
	w.Look()
	w.mu.Lock()
	defer w.mu.Unlock()
	present := w.epochs[len(w.epochs)-1]
	if e, ok := w.of(stamp); ok {
		return []time.Time{present.to.Add(e.ahead)}
	}
	for _, e := range w.epochs {
		if now := present.to.Add(e.ahead); e == present || Known(now) {
			list = append(list, now)
		}
	}
	return list
}

// of returns the latest epoch in which a stamp was made; false for none. The caller holds
// mu.
func (w *Wall) of(stamp time.Time) (epoch, bool) {
	for i := len(w.epochs) - 1; i >= 0; i-- {
		e := w.epochs[i]
		// A stamp has whole seconds, and the clock is set between two looks.
		from, to := e.from.Add(e.ahead-2*time.Second), e.to.Add(e.ahead+2*watchInterval)
		if !stamp.Before(from) && !stamp.After(to) {
			return e, true
		}
	}
	return epoch{}, false
}

// By returns what the wall clock by which a stamp was made would show now. That is the
// present one, unless the stamp is of a time of this process before the clock was set.
func (w *Wall) By(stamp time.Time) time.Time {
	w.Look()
	w.mu.Lock()
	defer w.mu.Unlock()
	present := w.epochs[len(w.epochs)-1]
	if e, ok := w.of(stamp); ok {
		return present.to.Add(e.ahead)
	}
	return present.to.Add(present.ahead)
}

// Watch looks each second until ctx ends, and tells of jumps.
func (w *Wall) Watch(ctx context.Context, jumped func(by time.Duration)) {
	w.Look()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if by := w.Look(); by != 0 {
				jumped(by)
			}
		}
	}
}
