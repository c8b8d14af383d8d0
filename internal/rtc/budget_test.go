package rtc

import (
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	// A sender of 2 Mbit/s, 10 s long, in packets of 1,000 bytes.
	send := func(b *budget) (taken int) {
		for i := range 2500 {
			if b.take(1000, start.Add(time.Duration(i)*4*time.Millisecond)) {
				taken++
			}
		}
		return taken
	}
	for _, c := range []struct {
		kbit, least, most int
	}{{0, 2500, 2500}, {4000, 2500, 2500}, {2000, 2500, 2500}, {1000, 1360, 1380}, {8, 10, 11}} {
		b := &budget{bytesPerSecond: float64(c.kbit) * 1000 / 8}
		if n := send(b); n < c.least || n > c.most || int(b.dropped) != 2500-n {
			t.Errorf("%d kbit/s: %d packets are taken, %d dropped", c.kbit, n, b.dropped)
		}
	}
	b := &budget{bytesPerSecond: 1000}
	if !b.take(1000, start) || b.take(1, start) || b.take(1, start.Add(-time.Second)) || !b.take(500, start.Add(time.Second/2)) {
		t.Error("what was saved is not right")
	}
}
