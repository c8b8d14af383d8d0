package bandwidth

import (
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
	for name, change := range map[string]func(*path){
		"deep queue":    func(p *path) { p.limit = 2 * time.Second },
		"queue":         func(p *path) { p.limit = 300 * time.Millisecond },
		"shallow queue": func(p *path) { p.limit = 50 * time.Millisecond },
		"token bucket":  func(p *path) { p.limit, p.burst = 400*time.Millisecond, 5000 },
		"far away":      func(p *path) { p.base = 80 * time.Millisecond },
		"with loss":     func(p *path) { p.loss = 0.05 },
	} {
		t.Run(name, func(t *testing.T) {
			p := narrow(20e6, 400e3)
			change(&p)
			for seed := range uint64(5) {
				s := simulate(t, seed, 1, p)
				s.run(5 * time.Second)
				if s.tracks[0].now != 2 {
					t.Fatalf("seed %d: layer %d before, want the best", seed, s.tracks[0].now)
				}
				s.run(7 * time.Second)
				if got := s.e.Target(); got > 440e3 {
					t.Errorf("seed %d: 2 s after it has become narrow: %d bit/s, want at most a little more than the path's 400000", seed, got)
				}
				s.run(8 * time.Second)
				if s.tracks[0].now != 0 || s.backlog() > 800*time.Millisecond {
					t.Errorf("seed %d: after 3 s layer %d, queue %v, want 0 and less than at first", seed, s.tracks[0].now, s.backlog())
				}
				s.run(10 * time.Second)
				worst := time.Duration(0)
				s.each = func() { worst = max(worst, s.backlog()) }
				s.run(25 * time.Second)
				if s.tracks[0].now != 0 || worst > 200*time.Millisecond {
					t.Errorf("seed %d: later layer %d, queue %v, want 0 and next to none", seed, s.tracks[0].now, worst)
				}
				s.run(31 * time.Second)
				if got := s.e.Target(); got < 2e6 {
					t.Errorf("seed %d: 6 s after it is wide again: %d bit/s, want 2000000", seed, got)
				}
				s.run(33 * time.Second)
				if s.tracks[0].now != 2 {
					t.Errorf("seed %d: layer %d 8 s after it is wide again, want the best", seed, s.tracks[0].now)
				}
			}
		})
	}
}

func TestExceeding(t *testing.T) {
	// Whatever the path carries, the estimate is not for long above it while it
	// is used, and the queue is not for long there.
	for _, rate := range []float64{150e3, 300e3, 600e3, 1e6, 2e6, 3e6, 5e6} {
		for seed := range uint64(5) {
			p := free(rate)
			p.limit = 400 * time.Millisecond
			s := simulate(t, seed, 3, p)
			above, longest, waited := time.Duration(0), time.Duration(0), time.Duration(0)
			s.each = func() {
				above += time.Millisecond
				if float64(s.e.Target()) < 1.1*rate {
					above = 0
				}
				longest = max(longest, above)
				if s.backlog() > 100*time.Millisecond {
					waited += time.Millisecond
				}
			}
			s.run(60 * time.Second)
			t.Logf("%.0f seed %d above %v waited %v target %d", rate, seed, longest, waited, s.e.Target())
		}
	}
}

// steady is what a path that keeps its rate makes of a picture that needs 3 Mbit/s in two tiles.
func TestAir(t *testing.T) {
	random := func(n int64, seed int64) int64 {
		return (n*6364136223846793005 + seed*1442695040888963407) >> 33 & 0xffff
	}
	for name, change := range map[string]func(*path){
		"loss of 5 %": func(p *path) { p.loss = 0.05 },
		"loss of 9 %": func(p *path) { p.loss = 0.09 },
		"aggregates": func(p *path) {
			p.hold = func(at time.Duration) time.Duration { return 20*time.Millisecond - at%(20*time.Millisecond) }
		},
		"jitter": func(p *path) {
			p.hold = func(at time.Duration) time.Duration {
				return time.Duration(random(int64(at), 3)%30) * time.Millisecond
			}
		},
		"spikes": func(p *path) {
			p.hold = func(at time.Duration) time.Duration {
				// One of five slots of 80 ms is lost to others.
				if in := at % (80 * time.Millisecond); random(int64(at/(80*time.Millisecond)), 5)%5 == 0 {
					return 80*time.Millisecond - in
				}
				return 0
			}
		},
		"cross traffic": func(p *path) {
			p.rate = func(time.Duration) float64 { return 8e6 }
			p.cross = func(at time.Duration) float64 {
				if random(int64(at/(30*time.Millisecond)), 7)%3 == 0 {
					return 7.5e6
				}
				return 0
			}
		},
		"slow drift": func(p *path) {
			p.hold = func(at time.Duration) time.Duration { return at / 10_000 }
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(5) {
				p := free(20e6)
				change(&p)
				s := simulate(t, seed, 2, p)
				least := ^uint64(0)
				best := time.Duration(0)
				s.each = func() {
					least = min(least, s.e.Target())
					best += time.Duration(min(s.tracks[0].now, 1) + min(s.tracks[1].now, 1))
				}
				s.run(60 * time.Second)
				t.Logf("seed %d least %d last %d enough %v %v", seed, least, s.e.Target(), s.tracks[0].enough, s.tracks[1].enough)
			}
		})
	}
}
