package rtc

import "time"

// budget bounds what is taken of a sender: a token bucket of one second. The
// transport's inbound lock guards it.
type budget struct {
	bytesPerSecond float64 // 0: as much as comes
	left           float64
	last           time.Time
	dropped        uint64 // packets
}

// set makes it kbit/s from now on; 0: as much as comes.
func (b *budget) set(kbit int) { b.bytesPerSecond = float64(kbit) * 1000 / 8 }

// take tells whether a packet of that size, in bytes, is taken.
func (b *budget) take(size int, now time.Time) bool {
	if b.bytesPerSecond == 0 {
		return true
	}
	if b.last.IsZero() {
		b.left = b.bytesPerSecond
	} else if passed := now.Sub(b.last).Seconds(); passed > 0 {
		b.left = min(b.left+passed*b.bytesPerSecond, b.bytesPerSecond)
	}
	b.last = now
	if b.left < float64(size) {
		b.dropped++
		return false
	}
	b.left -= float64(size)
	return true
}
