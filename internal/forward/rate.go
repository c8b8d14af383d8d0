package forward

import (
	"time"

	"umbrella/internal/clock"
)

// rateMeter counts bytes by the second of the steady clock. The zero value is ready.
type rateMeter struct {
	second   int64
	now, was uint64
}

func (r *rateMeter) add(size int, at time.Time) {
	r.turn(clock.Milli(at) / 1000)
	r.now += uint64(size)
}

// bitsPerSecond is the rate in the last full second.
func (r *rateMeter) bitsPerSecond(at time.Time) uint64 {
	r.turn(clock.Milli(at) / 1000)
	return 8 * r.was
}

func (r *rateMeter) turn(second int64) {
	switch {
	case second <= r.second:
	case second == r.second+1:
		r.second, r.was, r.now = second, r.now, 0
	default:
		r.second, r.was, r.now = second, 0, 0
	}
}
