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

	check check
}

// check finds out whether timestamps have the clock that the description says. Where
// they have not, only our clock counts: browsers show pictures when their timestamps say.
type check struct {
	begun  bool
	in     uint32
	at     time.Time
	wrong  int // checks in a row that have a faster clock; negative: a slower one
	untrue bool
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
func (t *timeline) restart() { t.fresh, t.anchored, t.check = true, false, check{} }

const (
	// checkEvery is how long the clock of timestamps is looked at, and wrongClock by
	// how much it has to differ, in parts, so many times in a row in the same direction:
	// a camera that begins with pictures that it has kept is right but for its first
	// seconds, and a network that holds packets up lets them go afterwards.
	checkEvery = 4 * time.Second
	wrongClock = 5
	wrongTimes = 2
)

// ticking looks at the clock of timestamps.
func (t *timeline) ticking(in uint32, now time.Time) {
	c := &t.check
	passed := now.Sub(c.at)
	if !c.begun {
		c.begun, c.in, c.at = true, in, now
	}
	if passed < checkEvery || c.at == now {
		return
	}
	switch off := t.span(int64(int32(in-c.in))) - passed; {
	case off > passed/wrongClock:
		c.wrong = max(c.wrong, 0) + 1
	case off < -passed/wrongClock:
		c.wrong = min(c.wrong, 0) - 1
	default:
		c.wrong = 0
	}
	c.untrue = c.wrong >= wrongTimes || c.wrong <= -wrongTimes
	c.in, c.at = in, now
}

// next gives the timestamp for one that came now. Those of one picture are the
// same; otherwise it is later than all before it.
func (t *timeline) next(in uint32, now time.Time) uint32 {
	t.ticking(in, now)
	step := int64(int32(in - t.in))
	passed := t.ticks(now.Sub(t.at))
	switch {
	case !t.begun:
		step = 0
	case t.fresh, t.check.untrue:
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
