package bound

import (
	"math/rand/v2"
	"testing"
)

// Whoever wants all gets as much as the others that do, and something is left for
// whoever comes next.
func TestShares(t *testing.T) {
	p := &Pool{}
	p.SetMost(1000)
	var all []*Share
	for n := 1; n <= 9; n++ {
		all = append(all, &Share{Pool: p})
		for range 100 { // until nothing changes
			for _, s := range all {
				for s.May(1) {
					s.Add(1)
				}
				for s.Over(0) {
					s.Add(-1)
				}
			}
		}
		fair := 1000 / int64(n+1)
		for i, s := range all {
			if got := s.Used(); got < fair-int64(n+1) || got > fair+int64(n+1) {
				t.Errorf("of %d, share %d has %d of 1000", n, i, got)
			}
		}
		if p.Used() > 1000 {
			t.Errorf("%d of 1000 are in use", p.Used())
		}
	}
	if p.Refused() == 0 {
		t.Error("nothing was refused")
	}
	for _, s := range all {
		s.Add(-s.Used())
	}
	if p.Used() != 0 {
		t.Errorf("%d are in use of nobody", p.Used())
	}
}

// A share is one for all who hold it, and forgotten with the last of them.
func TestSharesByOrigin(t *testing.T) {
	var s Shares[string]
	s.Pool.SetMost(10)
	a, gone := s.Of("a")
	same, last := s.Of("a")
	b, goneB := s.Of("b")
	for range 10 {
		for _, share := range []*Share{a, same, b} {
			if share.May(1) {
				share.Add(1)
			}
		}
	}
	if a != same || a.Used() > 4 || a.Used() < b.Used() || b.Used() < 3 {
		t.Errorf("one has %d of 10, the other %d", a.Used(), b.Used())
	}
	gone()
	gone()
	if again, release := s.Of("a"); again != a {
		t.Error("a share that is held was forgotten")
	} else {
		release()
	}
	last()
	goneB()
	if len(s.by) != 0 {
		t.Error("shares of nobody are remembered")
	}
}

func TestShareWithoutBound(t *testing.T) {
	for _, s := range []*Share{{}, {Pool: &Pool{}}} {
		for range 100 {
			if n := rand.Int64N(1 << 40); !s.May(n) || s.Over(1) {
				t.Fatal("a share without a bound was refused something")
			} else {
				s.Add(n)
			}
		}
	}
}
