package rtc

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"umbrella/internal/sfu"
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

// What the settings say counts for those who are there.
func TestBudgetOfThoseWhoAreThere(t *testing.T) {
	var limit atomic.Int64
	e := &Engine{Log: slog.New(slog.DiscardHandler), PublishLimit: func() int { return int(limit.Load()) }}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	rooms := &sfu.SFU{}
	p, err := rooms.Join(sfu.Entry{Room: "r", Name: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.NewPublisher(p, e.Log, func(webrtc.PeerConnectionState) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(b.Close(), e.Close(context.Background())); err != nil {
			t.Error(err)
		}
		p.Leave()
		if err := rooms.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for kbit, want := range map[int64]float64{8: 1000, 80: 10_000, 0: 0} {
		limit.Store(kbit)
		b.turn(time.Now())
		b.media.in.Lock()
		got := b.arrivals.budget.bytesPerSecond
		b.media.in.Unlock()
		if got != want {
			t.Errorf("%d kbit/s: %v bytes per second", kbit, got)
		}
	}
}
