package rtc

import (
	"slices"
	"testing"
	"time"
)

// What comes, by number, and what is asked for when: the time goes on by a
// millisecond with each packet.
func TestWhatIsAskedForAgain(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ms := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Millisecond) }
	count := func(from, n int) (list []uint16) {
		for i := range n {
			list = append(list, uint16(from+i))
		}
		return list
	}
	for _, c := range []struct {
		name     string
		come     []uint16
		restored []uint16
		at       int // ms
		asked    []uint16
	}{
		{name: "all is there", come: []uint16{1, 2, 3}, at: 50},
		{name: "too early to say", come: []uint16{1, 3}, at: 4},
		{name: "two are missing", come: []uint16{1, 4}, at: 7, asked: []uint16{2, 3}},
		{name: "it was only late", come: []uint16{1, 3, 2}, at: 7},
		{name: "it was repaired", come: []uint16{1, 4}, restored: []uint16{2}, at: 7, asked: []uint16{3}},
		{name: "across the wrap", come: []uint16{65534, 1}, at: 7, asked: []uint16{65535, 0}},
		{name: "one from before the first", come: []uint16{10, 9, 12}, at: 8, asked: []uint16{11}},
		{name: "what is there twice", come: []uint16{1, 3, 3, 1}, at: 9, asked: []uint16{2}},
		{name: "as much as is asked for", come: []uint16{0, maxMissing + 1}, at: 7, asked: count(1, maxMissing)},
		{name: "more than can be repaired", come: []uint16{0, maxMissing + 2}, at: 7},
		{name: "the oldest are given up", come: []uint16{0, 3, 203, 303}, at: 9, asked: append(count(46, 157), count(204, 99)...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := reception{rate: 90000}
			for i, seq := range c.come {
				r.arrived(seq, uint32(seq)*3000, ms(i))
			}
			for _, seq := range c.restored {
				r.restored(seq)
			}
			if got := r.due(nil, ms(c.at)); !slices.Equal(got, c.asked) {
				t.Errorf("asked for %v, want %v", got, c.asked)
			}
		})
	}
}

// One packet is asked for less and less often, and given up at last.
func TestAskingAgainEnds(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var r reception
	r.arrived(1, 0, begin)
	r.arrived(3, 0, begin)
	var at []time.Duration
	for d := time.Duration(0); d < 3*nackPatience; d += time.Millisecond {
		if len(r.due(nil, begin.Add(d))) > 0 {
			at = append(at, d)
		}
	}
	if len(at) < 4 || len(at) > maxNacks || at[0] != nackDelay || at[len(at)-1] > nackPatience {
		t.Fatalf("asked for at %v", at)
	}
	for i := range at[2:] {
		if at[i+2]-at[i+1] <= at[i+1]-at[i] {
			t.Errorf("the pauses do not grow: %v", at)
		}
	}
	if len(r.missing) > 0 {
		t.Error("it is remembered for ever")
	}
}

func TestReceiverReport(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := reception{rate: 90000}
	first := uint16(65500)
	for i := range 100 { // every fourth is lost, at an even pace
		if i%4 != 3 {
			r.arrived(first+uint16(i), uint32(i)*900, begin.Add(time.Duration(i)*10*time.Millisecond))
		}
	}
	r.sender(0x0102030405060708, begin)
	rep := r.report(7, begin.Add(1500*time.Millisecond))
	if rep.SSRC != 7 || rep.LastSequenceNumber != 1<<16+62 || rep.TotalLost != 24 || rep.FractionLost != 24*256/99 || rep.Jitter != 0 {
		t.Errorf("%+v", rep)
	}
	if rep.LastSenderReport != 0x03040506 || rep.Delay != 3<<15 {
		t.Errorf("the sender's report: %+v", rep)
	}
	// Of the time since: more came than was to, as repairs do.
	for i := range 10 {
		r.arrived(first+100+uint16(i), uint32(100+i)*900, begin.Add(time.Duration(100+i)*10*time.Millisecond))
	}
	r.arrived(first+3, 3*900, begin)
	if rep := r.report(7, begin); rep.FractionLost != 0 || rep.TotalLost != 24 {
		t.Errorf("%+v", rep)
	}
	// A packet that comes 80 ms late counts with a sixteenth of that.
	r.arrived(first+110, 110*900, begin.Add(1180*time.Millisecond))
	if rep := r.report(7, begin); rep.Jitter < 80*90/16-1 || rep.Jitter > 80*90/16 {
		t.Errorf("jitter %d", rep.Jitter)
	}
}
