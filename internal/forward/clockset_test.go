package forward

import (
	"testing"
	"time"

	"umbrella/internal/clock/clocktest"
)

// The clock of this machine is set by years while media flows: rates are counted on, and
// sender reports of ours and of publishers go on evenly, so that sound and picture stay in
// step.
func TestMediaWhileTheClockIsSet(t *testing.T) {
	const year = 365 * 24 * time.Hour
	begin := time.Now()
	for _, ahead := range []time.Duration{-56 * year, 10 * year} {
		at := func(passed time.Duration) time.Time {
			now := begin.Add(passed)
			if passed >= 10*time.Second {
				now = clocktest.Set(now, ahead)
			}
			return now
		}
		var rate rateMeter
		var theirs Clock
		first := theirs.observe(toNTP(begin), begin)
		for passed := time.Duration(0); passed < 20*time.Second; passed += time.Second {
			now := at(passed)
			if got := rate.bitsPerSecond(now); passed > time.Second && got != 8000 {
				t.Errorf("set by %v, after %v: %d bit/s", ahead, passed, got)
			}
			rate.add(1000, now)
			if got := (toNTP(now) - toNTP(begin)) >> 32; got != uint64(passed/time.Second) {
				t.Errorf("set by %v: our reports are %d s apart, want %v", ahead, got, passed)
			}
			// The publisher's clock is right all the time.
			if got := theirs.observe(toNTP(begin.Add(passed)), now).Sub(first); (got - passed).Abs() > time.Millisecond {
				t.Errorf("set by %v: reports of a publisher are %v apart, want %v", ahead, got, passed)
			}
			if got := theirs.observe(toNTP(begin.Add(passed)), now).Sub(now); got.Abs() > time.Millisecond {
				t.Errorf("set by %v: a report that came now is %v from now", ahead, got)
			}
		}
	}
}
