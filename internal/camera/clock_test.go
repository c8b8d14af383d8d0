package camera

import (
	"testing"
	"time"
	"unsafe"
)

// setForward is t as the clock shows it after it has been set forward by d: other than with
// Add, no time has passed. A time of time.Now has the seconds from bit 30 of its first
// word on.
func setForward(t time.Time, d time.Duration) time.Time {
	*(*uint64)(unsafe.Pointer(&t)) += uint64(d/time.Second) << 30
	return t
}

// A router has no clock of its own: NTP sets it while cameras play.
func TestClockThatIsSet(t *testing.T) {
	now := time.Now()
	const step = 2 * 365 * 24 * time.Hour
	later := setForward(now.Add(time.Second), step)
	if d := later.Sub(now); d != time.Second || later.Round(0).Sub(now.Round(0)) != step+time.Second {
		t.Fatalf("%v passed", d)
	}
	if got := toNTP(later) - toNTP(now); got != 1<<32 {
		t.Errorf("a second is %d", got)
	}
	var w wall
	theirs := time.Unix(5000, 0)
	if d := w.ours(theirs.Add(time.Second), later).Sub(w.ours(theirs, now)); d < time.Second-time.Millisecond || d > time.Second+time.Millisecond {
		t.Errorf("a second of the camera is %v", d)
	}
	l := newTimeline(90000)
	if first := l.next(0, now); l.next(90000, later)-first != 90000 {
		t.Error("the timeline jumps")
	}
	// The RTSP library asks the clock, and counts from 1970 where nothing came.
	if never <= time.Since(time.Unix(0, 0))+step {
		t.Error("the library can take it for silence")
	}
}

// Timestamps of other clocks than the description says, and those that stand still, are
// shown by our clock; a camera that begins with what it has kept is believed.
func TestTimestampsOfAnotherClock(t *testing.T) {
	for name, c := range map[string]struct {
		step, kept uint32
		untrue     bool
	}{
		"90 kHz":             {3600, 0, false},
		"1 kHz":              {40, 0, true},
		"48 kHz":             {1920, 0, true},
		"of its own drift":   {3700, 0, false},
		"stands still":       {0, 0, true},
		"begins with a past": {3600, 5 * 90000, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTimeline(90000)
			start := time.Now()
			first, in := l.next(0, start), c.kept
			var last uint32
			for i := 1; i <= 1000; i++ {
				in += c.step
				last = l.next(in, start.Add(time.Duration(i)*40*time.Millisecond))
			}
			if l.check.untrue != c.untrue {
				t.Errorf("not believed: %t", l.check.untrue)
			}
			if passed := l.span(int64(last-first-c.kept)) - 40*time.Second; passed > 2*time.Second || passed < -10*time.Second {
				t.Errorf("%v more than 40 s", passed)
			}
		})
	}
}
