package forward

import (
	"math/rand/v2"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRewriteKeepsLateAndDropsEarlier(t *testing.T) {
	r := rewriter{clockRate: 90000}
	r.start(65534, 1000, t0, false)
	for _, c := range []struct {
		seq  uint16
		ok   bool
		want uint16
	}{
		{65534, true, 65534}, {65533, false, 0}, {1, true, 1}, {65535, true, 65535}, {0, true, 0}, {2, true, 2},
	} {
		got, _, ok := r.rewrite(c.seq, 1000, t0)
		if ok != c.ok || got != c.want {
			t.Errorf("%d leaves as %d, %v; want %d, %v", c.seq, got, ok, c.want, c.ok)
		}
	}
}

func TestRewriteClosesSkips(t *testing.T) {
	r := rewriter{clockRate: 90000}
	r.start(10, 0, t0, false)
	step := func(seq, want uint16) {
		t.Helper()
		if got, _, ok := r.rewrite(seq, 0, t0); !ok || got != want {
			t.Errorf("%d leaves as %d, %v; want %d", seq, got, ok, want)
		}
	}
	step(10, 10)
	r.skip(11)
	step(12, 11)
	r.skip(14) // 13 is late
	step(15, 13)
	step(13, 12)
	if _, _, ok := r.rewrite(14, 0, t0); ok {
		t.Error("a number that was left out came back")
	}
	step(16, 14)
}

func TestRewriteGoesOn(t *testing.T) {
	r := rewriter{clockRate: 90000}
	r.start(100, 5000, t0, false)
	r.rewrite(100, 5000, t0)
	r.rewrite(101, 8000, t0.Add(time.Second/30))

	// A pause: the same clock goes on, numbers have no gap.
	r.stop()
	if _, _, ok := r.rewrite(102, 9000, t0); ok {
		t.Error("a packet left during a pause")
	}
	r.start(200, 98000, t0.Add(time.Second), true)
	if seq, ts, ok := r.rewrite(200, 98000, t0.Add(time.Second)); !ok || seq != 102 || ts != 98000 {
		t.Errorf("after a pause: %d, %d, %v", seq, ts, ok)
	}

	// Another source: its timestamps follow by the time that has passed.
	r.stop()
	r.start(7, 7, t0.Add(2*time.Second), false)
	if seq, ts, ok := r.rewrite(7, 7, t0.Add(2*time.Second)); !ok || seq != 103 || ts != 98000+90000 {
		t.Errorf("after a switch: %d, %d, %v", seq, ts, ok)
	}
}

// What leaves is as gapless as what came in, for any order, loss, pause and
// switch, over several wraps of the numbers; no number leaves twice for
// different packets.
func TestRewriteProperties(t *testing.T) {
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := rewriter{clockRate: 90000}
		out := map[uint32]bool{} // extended numbers that left
		in, ext := uint16(rnd.Uint32()), uint32(0)
		now := t0
		r.start(in, 0, now, false)
		lost := map[uint32]bool{}
		var first, last uint32
		begun := false
		send := func(seq uint16) {
			o, _, ok := r.rewrite(seq, ext*3000, now)
			if !ok {
				return
			}
			if !begun {
				begun, first, last = true, uint32(o)+1<<16, uint32(o)+1<<16
			}
			e := last + uint32(int32(int16(o-uint16(last))))
			if out[e] {
				t.Fatalf("seed %d: number %d left twice", seed, o)
			}
			out[e] = true
			last = max(last, e)
		}
		var late []uint16
		for range 140000 {
			now = now.Add(time.Millisecond)
			in++
			ext++
			switch x := rnd.IntN(1000); {
			case x < 5: // lost: the gap stays
				o := in + r.seqDelta
				if begun {
					lost[last+uint32(int32(int16(o-uint16(last))))] = true
				}
			case x < 10:
				r.skip(in)
			case x < 20: // late
				late = append(late, in)
			case x == 20 && begun && len(late) == 0: // another source
				r.stop()
				in = uint16(rnd.Uint32())
				r.start(in, ext*3000, now, rnd.IntN(2) == 0)
				send(in)
			default:
				send(in)
			}
			if len(late) > 0 && rnd.IntN(4) == 0 {
				send(late[0])
				late = late[1:]
			}
		}
		for _, seq := range late {
			send(seq)
		}
		gaps := 0
		for e := first; e <= last; e++ {
			if !out[e] && !lost[e] {
				gaps++
			}
		}
		// A first packet that comes late is from before the run.
		if gaps > 1 {
			t.Errorf("seed %d: %d gaps that nothing explains in %d packets", seed, gaps, last-first)
		}
	}
}
