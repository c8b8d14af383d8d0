package bandwidth

import (
	"fmt"
	"testing"
	"time"
)

// free is a path of a rate without anything special.
func free(rate float64) path {
	return path{
		rate: func(time.Duration) float64 { return rate }, limit: time.Second,
		base: 10 * time.Millisecond,
	}
}

// narrow is a path that carries much, from second 5 to 25 little, then much again.
func narrow(high, low float64) path {
	p := free(high)
	p.rate = func(at time.Duration) float64 {
		if at >= 5*time.Second && at < 25*time.Second {
			return low
		}
		return high
	}
	return p
}

func TestNarrow(t *testing.T) {
	for _, c := range []struct {
		name    string
		waits   time.Duration // longest queue once it has settled
		returns time.Duration // after how long it is back
		change  func(*path)
	}{
		{"deep queue", 200 * time.Millisecond, 6 * time.Second, func(p *path) { p.limit = 2 * time.Second }},
		{"queue", 200 * time.Millisecond, 6 * time.Second, func(p *path) { p.limit = 300 * time.Millisecond }},
		{"shallow queue", 80 * time.Millisecond, 6 * time.Second, func(p *path) { p.limit = 50 * time.Millisecond }},
		// A probe may be deceived once.
		{"token bucket", 450 * time.Millisecond, 6 * time.Second, func(p *path) { p.limit, p.burst = 400*time.Millisecond, 5000 }},
		{"far away", 200 * time.Millisecond, 7 * time.Second, func(p *path) { p.base = 80 * time.Millisecond }},
		{"with loss", 200 * time.Millisecond, 8 * time.Second, func(p *path) { p.loss = 0.05 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := narrow(20e6, 400e3)
			c.change(&p)
			for seed := range uint64(5) {
				s := simulate(t, seed, 1, p)
				s.run(5 * time.Second)
				if s.tracks[0].now != 2 {
					t.Fatalf("seed %d: layer %d before, want the best", seed, s.tracks[0].now)
				}
				s.run(7 * time.Second)
				if got := s.e.Target(); got > 450e3 {
					t.Errorf("seed %d: 2 s after it has become narrow: %d bit/s, want at most a little more than the path's 400000", seed, got)
				}
				s.run(8 * time.Second)
				if s.tracks[0].now != 0 || s.backlog() > 900*time.Millisecond {
					t.Errorf("seed %d: after 3 s layer %d, queue %v, want 0 and less than at first", seed, s.tracks[0].now, s.backlog())
				}
				s.run(10 * time.Second)
				worst := time.Duration(0)
				s.each = func() { worst = max(worst, s.backlog()) }
				s.run(25 * time.Second)
				if s.tracks[0].now != 0 || worst > c.waits {
					t.Errorf("seed %d: later layer %d, queue %v, want 0 and at most %v", seed, s.tracks[0].now, worst, c.waits)
				}
				s.run(25*time.Second + c.returns)
				if got := s.e.Target(); got < 1.7e6 {
					t.Errorf("seed %d: %v after it is wide again: %d bit/s, want the 1700000 that are needed", seed, c.returns, got)
				}
				s.run(34 * time.Second)
				if s.tracks[0].now != 2 {
					t.Errorf("seed %d: layer %d 9 s after it is wide again, want the best", seed, s.tracks[0].now)
				}
			}
		})
	}
}

// wavering gives each piece of time a number of its own, below n.
func wavering(at, piece time.Duration, n uint64) uint64 {
	x := uint64(at/piece)*0x9e3779b97f4a7c15 + 1
	x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
	return (x >> 33) % n
}

func TestWidening(t *testing.T) {
	for seed := range uint64(5) {
		s := simulate(t, seed, 3, narrow(20e6, 400e3))
		s.run(31 * time.Second)
		if got := s.e.Target(); got < 2e6 {
			t.Errorf("seed %d: 6 s after the path is wide again: %d bit/s, want 2000000", seed, got)
		}
		s.run(35 * time.Second)
		for i, k := range s.tracks {
			if k.now != 2 {
				t.Errorf("seed %d: 10 s after the path is wide again track %d is on layer %d, want the best", seed, i, k.now)
			}
		}
	}
}

// Whatever the path carries, the estimate is not clearly above it for more than
// a second, and packets seldom wait.
func TestConstantPath(t *testing.T) {
	for _, rate := range []float64{300e3, 400e3, 600e3, 1e6, 1.5e6, 2e6, 3e6, 5e6, 10e6} {
		t.Run(fmt.Sprint(rate/1000), func(t *testing.T) {
			for seed := range uint64(5) {
				p := free(rate)
				p.limit = 400 * time.Millisecond
				s := simulate(t, seed, 3, p)
				var above, longest, waited time.Duration
				s.each = func() {
					above += time.Millisecond
					if float64(s.e.Target()) < 1.15*rate {
						above = 0
					}
					longest = max(longest, above)
					if s.backlog() > 100*time.Millisecond {
						waited += time.Millisecond
					}
				}
				s.run(60 * time.Second)
				if longest > time.Second {
					t.Errorf("seed %d: more than 1.15 of the path's rate for %v, want 1 s at most", seed, longest)
				}
				if waited > 4*time.Second {
					t.Errorf("seed %d: a queue of 100 ms for %v of a minute, want 4 s at most", seed, waited)
				}
				if got := float64(s.e.Target()); got < 0.8*min(rate, 4.5e6) {
					t.Errorf("seed %d: %.0f bit/s in the end, want most of what the path carries", seed, got)
				}
			}
		})
	}
}

// What the air does to packets is not taken for a path that is full.
func TestAir(t *testing.T) {
	for _, c := range []struct {
		name   string
		enough time.Duration // of a minute, for how long each picture is the best one
		change func(*path)
	}{
		{"loss of 5 %", 54 * time.Second, func(p *path) { p.loss = 0.05 }},
		{"loss of 9 %", 45 * time.Second, func(p *path) { p.loss = 0.09 }},
		{"aggregates", 57 * time.Second, func(p *path) {
			p.hold = func(at time.Duration) time.Duration { return 20*time.Millisecond - at%(20*time.Millisecond) }
		}},
		{"jitter", 57 * time.Second, func(p *path) {
			p.hold = func(at time.Duration) time.Duration {
				return time.Duration(wavering(at, time.Millisecond, 30)) * time.Millisecond
			}
		}},
		{"spikes", 57 * time.Second, func(p *path) {
			const slot = 80 * time.Millisecond
			p.hold = func(at time.Duration) time.Duration {
				if wavering(at, slot, 5) == 0 {
					return slot - at%slot
				}
				return 0
			}
		}},
		{"cross traffic", 50 * time.Second, func(p *path) {
			p.rate = func(time.Duration) float64 { return 8e6 }
			p.cross = func(at time.Duration) float64 {
				if wavering(at, 30*time.Millisecond, 3) == 0 {
					return 7.5e6
				}
				return 0
			}
		}},
		{"drift of clocks", 57 * time.Second, func(p *path) {
			p.hold = func(at time.Duration) time.Duration { return at / 10_000 }
		}},
		{"a longer route", 50 * time.Second, func(p *path) {
			p.hold = func(at time.Duration) time.Duration {
				if at > 10*time.Second {
					return 150 * time.Millisecond
				}
				return 0
			}
		}},
		{"clock set forward", 57 * time.Second, func(p *path) { p.jump = time.Hour }},
		{"clock set back", 57 * time.Second, func(p *path) { p.jump = -time.Hour }},
		{"untidy reports", 57 * time.Second, func(p *path) { p.untidy = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(5) {
				p := free(20e6)
				c.change(&p)
				s := simulate(t, seed, 2, p)
				least := ^uint64(0)
				s.each = func() { least = min(least, s.e.Target()) }
				s.run(60 * time.Second)
				for i, k := range s.tracks {
					if k.enough < c.enough {
						t.Errorf("seed %d: picture %d was the best for %v of a minute, want %v", seed, i, k.enough, c.enough)
					}
				}
				if least < 1_500_000 {
					t.Errorf("seed %d: it fell to %d bit/s, want more than half of what is needed", seed, least)
				}
			}
		})
	}
}

// A receiver that is not heard for a while gets less, and soon after it is
// heard again as much as before.
func TestSilence(t *testing.T) {
	for _, gone := range []time.Duration{300 * time.Millisecond, 2 * time.Second, 6 * time.Second} {
		t.Run(gone.String(), func(t *testing.T) {
			p := free(20e6)
			p.silent = func(at time.Duration) bool { return at >= 10*time.Second && at < 10*time.Second+gone }
			s := simulate(t, 1, 2, p)
			s.run(10*time.Second + gone)
			if got := s.e.Target(); gone >= 2*time.Second && got > 2e6 {
				t.Errorf("%d bit/s while it is not heard, want half or less", got)
			}
			s.run(13*time.Second + gone)
			for i, k := range s.tracks {
				if k.now != 2 {
					t.Errorf("3 s after it is back: picture %d on layer %d, want the best", i, k.now)
				}
			}
		})
	}
}

// A camera's keyframes are long, and come as bursts every other second.
func TestLongKeyframes(t *testing.T) {
	for seed := range uint64(5) {
		p := free(4e6)
		s := simulate(t, seed, 1, p)
		s.keyEvery, s.keySize = 2*time.Second, 12
		least := ^uint64(0)
		s.each = func() { least = min(least, s.e.Target()) }
		s.run(60 * time.Second)
		if k := s.tracks[0]; k.enough < 57*time.Second || least < 1_800_000 {
			t.Errorf("seed %d: the best for %v of a minute, at least %d bit/s, want always, and what it needs", seed, k.enough, least)
		}
	}
}

// Where nothing can be sent to probe, it is tried.
func TestWithoutPadding(t *testing.T) {
	for seed := range uint64(5) {
		s := simulate(t, seed, 2, free(20e6))
		s.e.Initial, s.noPadding = 100_000, true
		s.run(20 * time.Second)
		for i, k := range s.tracks {
			if k.now != 2 {
				t.Errorf("seed %d: picture %d on layer %d, want the best", seed, i, k.now)
			}
		}

		s = simulate(t, seed, 2, free(600e3))
		s.noPadding = true
		waited := time.Duration(0)
		s.each = func() {
			if s.at > 10*time.Second && s.backlog() > 100*time.Millisecond {
				waited += time.Millisecond
			}
		}
		s.run(130 * time.Second)
		if waited > 12*time.Second {
			t.Errorf("seed %d: a queue for %v of two minutes, want 12 s at most", seed, waited)
		}
	}
}
