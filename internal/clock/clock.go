// Package clock keeps moments in order while the wall clock is set. An access point has no
// clock of its own: it boots in 1970, or when its firmware was built, and NTP sets the time
// minutes later, while calls go on.
//
// A time.Time of time.Now has both the wall clock and the monotonic one; what is stored as
// a number, or was read from one, has the wall clock alone, and shows the difference when
// that is set. So nothing else turns moments of this process into numbers: a test of this
// package holds the tree to it.
package clock

import "time"

// started is when the steady clock showed what the wall clock did. From then on only the
// time that passes counts.
var started = time.Now()

var startedNano = started.UnixNano()

// Nano returns t in nanoseconds since 1970 by the steady clock, which goes on when the wall
// clock is set.
func Nano(t time.Time) int64 { return startedNano + int64(t.Sub(started)) }

// FromNano is the inverse of Nano.
func FromNano(ns int64) time.Time { return started.Add(time.Duration(ns - startedNano)) }

// Milli returns t in milliseconds since 1970 by the steady clock.
func Milli(t time.Time) int64 { return Nano(t) / int64(time.Millisecond) }

// FromMilli is the inverse of Milli.
func FromMilli(ms int64) time.Time { return FromNano(ms * int64(time.Millisecond)) }

// Steady returns t as the steady clock shows it, for calculations with times that have no
// monotonic part, such as those of NTP.
func Steady(t time.Time) time.Time { return started.Add(t.Sub(started)).Round(0) }

// FromSteady is the inverse of Steady.
func FromSteady(t time.Time) time.Time { return started.Add(t.Sub(started.Round(0))) }

// Shown returns t in milliseconds since 1970 by the wall clock as it is at now, for people:
// it is as long ago as it was. It is 0 for no time at all.
func Shown(t, now time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return now.Add(t.Sub(now)).UnixMilli()
}

// Least is a moment that has passed. A wall clock that shows less does not know the time.
func Least() time.Time { return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) }

// farthest is how long after Least a wall clock is believed: a certificate of later than
// 2049 is written in another way, and none of later than 9999 can be.
const farthest = 50 * 365 * 24 * time.Hour

// Known reports whether the wall clock can be right at now.
func Known(now time.Time) bool { return !now.Before(Least()) && now.Before(Least().Add(farthest)) }

// Believed returns now, or Least where the wall clock does not know the time.
func Believed(now time.Time) time.Time {
	if !Known(now) {
		return Least()
	}
	return now
}
