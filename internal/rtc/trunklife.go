package rtc

import (
	"time"

	"github.com/pion/rtcp"

	"umbrella/internal/clock"
)

// life is what a trunk knows of whether its media connection still works. While
// either end has asked the other for something, both show each trunkBeat that
// they live, whether there is media or not: a firewall may have closed while
// the signalling goes on.
type life struct {
	since time.Time // when something was first asked for; zero: nothing is
	spoke time.Time // when the last report left
	last  time.Time // turn
}

const (
	trunkBeat = 500 * time.Millisecond
	// trunkSilent is how long nothing may come meanwhile.
	trunkSilent = 2 * time.Second
	// trunkStood is how long it takes from one turn to the next where the machine
	// stood still: then what came waits to be read.
	trunkStood = trunkSilent / 4
)

// Await tells whether the other end has asked for something.
func (t *Trunk) Await(asked bool) { t.awaited.Store(asked) }

// Heard is when media, or a report of it, last came; zero before the first.
func (t *Trunk) Heard() time.Time {
	if ns := t.heard.Load(); ns != 0 {
		return clock.FromNano(ns)
	}
	return time.Time{}
}

// live shows that this end lives, and ends the connection when the other one
// does not. asking tells that something was asked for here, spoke that a report
// has just left.
func (t *Trunk) live(now time.Time, asking, spoke bool) {
	l := &t.life
	if t.arrived.Swap(false) {
		t.heard.Store(clock.Nano(now))
	}
	stood := now.Sub(l.last) > trunkStood
	l.last = now
	if spoke {
		l.spoke = now
	}
	if !asking && !t.awaited.Load() {
		l.since = time.Time{}
		return
	}
	if l.since.IsZero() || stood {
		l.since = now
	}
	if now.Sub(l.spoke) >= trunkBeat {
		l.spoke = now
		_ = t.media.sendRTCP(&rtcp.ReceiverReport{SSRC: t.self})
	}
	if now.Sub(l.since) >= trunkSilent && now.Sub(t.Heard()) >= trunkSilent {
		t.broken.Do(func() {
			t.log.Info("trunk media: nothing comes any more", "via", t.Via())
			close(t.ended)
		})
	}
}
