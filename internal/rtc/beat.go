package rtc

import (
	"slices"
	"sync"
	"time"
)

// beat does for all connections of an engine what has to be done again and
// again: one goroutine that wakes for all of them costs less than one for each.
type beat struct {
	mu      sync.Mutex
	timers  []*ticker
	stopped chan struct{}
	wake    chan struct{} // a first one came
	done    sync.WaitGroup
}

// ticker is called every clockInterval while it is with the clock.
type ticker struct {
	tick func(now time.Time)

	mu   sync.Mutex // held while it is called
	gone bool
}

func (p *ticker) call(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		p.tick(now)
	}
}

const clockInterval = 20 * time.Millisecond

func (c *beat) start() {
	c.stopped, c.wake = make(chan struct{}), make(chan struct{}, 1)
	c.done.Go(c.run)
}

func (c *beat) run() {
	tick := time.NewTicker(clockInterval)
	defer tick.Stop()
	var list []*ticker
	for {
		select {
		case <-c.stopped:
			return
		case <-c.wake:
			tick.Reset(clockInterval)
			continue
		case <-tick.C:
		}
		c.mu.Lock()
		list = append(list[:0], c.timers...)
		c.mu.Unlock()
		if len(list) == 0 {
			tick.Stop() // until somebody comes
			continue
		}
		now := time.Now()
		for _, p := range list {
			p.call(now)
		}
		clear(list)
	}
}

func (c *beat) stop() {
	close(c.stopped)
	c.done.Wait()
}

// add makes the clock call p, unless it was removed before.
func (c *beat) add(p *ticker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.timers, p) {
		return
	}
	c.timers = append(c.timers, p)
	if len(c.timers) == 1 {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// remove takes p away for good. When it returns, p is not being called, and what
// p started can be waited for.
func (c *beat) remove(p *ticker) {
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.timers, p); i >= 0 {
		c.timers = slices.Delete(c.timers, i, i+1)
	}
}
