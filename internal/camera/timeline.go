package camera

import (
	"math/rand/v2"
	"sync"
	"time"
)

// timeline makes timestamps that go on, over connections and over whatever
// cameras do to theirs. The zero value is not ready: see newTimeline.
type timeline struct {
	rate  int64 // Hz
	begun bool
	fresh bool   // the next timestamp is of a new connection
	in    uint32 // the last one that came
	out   uint32 // and what became of it
	at    time.Time

	// Where out lies on our clock, as the packets that came the fastest tell it.
	anchored bool
	anchor   time.Time
	anchorAt uint32
}

func newTimeline(rate uint32) *timeline {
	return &timeline{rate: int64(rate), out: rand.Uint32()}
}

const (
	// jump is how far a timestamp may be from what the clock says before it is
	// not believed.
	jump = 5 * time.Second
	// drift is by how much the anchor follows a packet that came later than it
	// says.
	drift = 200 * time.Microsecond
)

func (t *timeline) ticks(d time.Duration) int64 { return int64(d) * t.rate / int64(time.Second) }

func (t *timeline) span(ticks int64) time.Duration {
	return time.Duration(ticks * int64(time.Second) / t.rate)
}

// restart says that what comes from now on is of a new connection.
func (t *timeline) restart() { t.fresh, t.anchored = true, false }

// next gives the timestamp for one that came now. Those of one picture are the
// same; otherwise it is later than all before it.
func (t *timeline) next(in uint32, now time.Time) uint32 {
	step := int64(int32(in - t.in))
	passed := t.ticks(now.Sub(t.at))
	switch {
	case !t.begun:
		step = 0
	case t.fresh:
		step = max(passed, 1)
	case t.span(step-passed) > jump || t.span(step-passed) < -jump:
		step = max(passed, 1)
		t.anchored = false
	case step <= 0 && in != t.in:
		// It goes back a little.
		step = 1
	case step == 0:
		step = 1
	}
	t.begun, t.fresh = true, false
	t.in, t.at = in, now
	t.out += uint32(step)
	t.pin(now)
	return t.out
}

// pin keeps where out lies on our clock.
func (t *timeline) pin(now time.Time) {
	if !t.anchored {
		t.anchored, t.anchor, t.anchorAt = true, now, t.out
		return
	}
	says := t.anchor.Add(t.span(int64(int32(t.out - t.anchorAt))))
	late := now.Sub(says)
	if late < 0 {
		says = now
	} else {
		says = says.Add(min(late, drift))
	}
	t.anchor, t.anchorAt = says, t.out
}

// of gives what a timestamp of the present connection becomes; ok is false
// before the first.
func (t *timeline) of(in uint32) (out uint32, ok bool) {
	return t.out + in - t.in, t.begun && !t.fresh
}

// wall relates the clock of a camera, as its sender reports tell it, to ours.
// All reports of one connection share it. Safe for concurrent use; the zero value is ready.
type wall struct {
	mu     sync.Mutex
	known  bool
	offset time.Duration // ours minus theirs
}

// ours gives a time of the camera on our clock, as a report tells it that has
// come now.
func (w *wall) ours(theirs, now time.Time) time.Time {
	offset := started.Add(now.Sub(started)).Round(0).Sub(theirs)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch late := offset - w.offset; {
	case !w.known || late < 0 || late > jump:
		w.known, w.offset = true, offset
	default:
		w.offset += min(late, drift)
	}
	return started.Add(theirs.Add(w.offset).Sub(started))
}

// started is when our clock showed what it shows in all reports: from then on only
// the time that passes counts, and not what is set meanwhile. A router has no clock of
// its own, and NTP sets it while cameras play.
var started = time.Now()

// toNTP and fromNTP are between a time and the 64 bits of RFC 5905 §6.
func toNTP(t time.Time) uint64 {
	t = started.Add(t.Sub(started))
	seconds := uint64(t.Unix()) + ntpEpoch
	return seconds<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

func fromNTP(n uint64) time.Time {
	return time.Unix(int64(n>>32)-ntpEpoch, int64((n&0xffffffff)*uint64(time.Second)>>32))
}

// ntpEpoch is the seconds from 1900 to 1970.
const ntpEpoch = 2208988800
