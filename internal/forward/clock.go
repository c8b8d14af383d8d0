package forward

import (
	"sync"
	"time"

	"umbrella/internal/clock"
)

// ntpEpoch is the zero of NTP time (RFC 5905 §6).
var ntpEpoch = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// toNTP gives t, by the steady clock, in the 64-bit format of RFC 5905 §6: seconds since
// 1900 in the upper half, their fraction in the lower.
func toNTP(t time.Time) uint64 {
	d := clock.Steady(t).Sub(ntpEpoch)
	s := uint64(d / time.Second)
	frac := uint64(d%time.Second) << 32 / uint64(time.Second)
	return s<<32 | frac
}

// fromNTP is the inverse of toNTP, exact to a nanosecond.
func fromNTP(n uint64) time.Time {
	s := time.Duration(n>>32) * time.Second
	frac := time.Duration((n & 0xffffffff) * uint64(time.Second) >> 32)
	return ntpEpoch.Add(s + frac)
}

// Clock relates the wall clock of a publisher, as its sender reports tell it,
// to ours. All tracks of one publisher share one Clock, so what it sent at the
// same moment plays at the same moment (RFC 3550 §6.4.1). The zero value is
// ready for use.
type Clock struct {
	mu     sync.Mutex
	known  bool
	offset time.Duration // ours minus theirs, network delay included
}

// driftPerReport is how far a report that took longer than the best one may
// move the offset: it follows a drifting clock and not a late packet.
const driftPerReport = 500 * time.Microsecond

// observe takes a sender report's NTP time and when it arrived, and returns
// that NTP time on our clock.
func (c *Clock) observe(ntp uint64, arrival time.Time) time.Time {
	theirs := fromNTP(ntp)
	offset := clock.Steady(arrival).Sub(theirs)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch diff := offset - c.offset; {
	case !c.known || diff < 0 || diff > 5*time.Second:
		// The fastest report yet, or a clock that was set.
		c.known, c.offset = true, offset
	default:
		c.offset += min(diff, driftPerReport)
	}
	return clock.FromSteady(theirs.Add(c.offset))
}
