package bandwidth

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func start() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		name string
		e    *Estimator
		want uint64
	}{
		{"new", NewEstimator(), DefaultInitial},
		{"zero", new(Estimator), DefaultInitial},
		{"set", &Estimator{Initial: 10_000_000}, 10_000_000},
		{"below the least", &Estimator{Initial: 10_000}, DefaultMin},
		{"above the most", &Estimator{Initial: 10_000_000, Max: 2_000_000}, 2_000_000},
		{"the least above the most", &Estimator{Min: 5_000_000, Max: 2_000_000}, 5_000_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.e.Target(); got != c.want {
				t.Errorf("%d bit/s, want %d", got, c.want)
			}
		})
	}
}

func TestSentDoesNotAllocate(t *testing.T) {
	e, now, number := NewEstimator(), start(), uint16(0)
	if n := testing.AllocsPerRun(10_000, func() {
		number++
		now = now.Add(time.Millisecond)
		e.Sent(number, 1200, now)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// rounds sends packets steadily and reports on them, for as many tenths of a
// second; each may change what is received, and the report.
func rounds(e *Estimator, now time.Time, number uint16, n, perRound int, each func(round int, received map[uint16]time.Duration) bool) (time.Time, uint16) {
	for i := range n {
		received := map[uint16]time.Duration{}
		base := number + 1
		for range perRound {
			number++
			now = now.Add(100 * time.Millisecond / time.Duration(perRound))
			e.Sent(number, 1200, now)
			received[number] = now.Sub(start()) + 20*time.Millisecond
		}
		if each == nil || each(i, received) {
			e.Feedback(makeReport(0, base, perRound, uint8(i), received), now.Add(30*time.Millisecond))
		}
	}
	return now, number
}

func TestNumbersWrap(t *testing.T) {
	e := NewEstimator()
	// 200 packets a second for 10 minutes: the numbers wrap, and the times of the
	// history, with gaps in which nothing is sent.
	now, number := start(), uint16(0)
	for range 12 {
		now, number = rounds(e, now, number, 500, 20, nil)
		now = now.Add(10 * time.Minute)
	}
	if got := e.Target(); got < DefaultInitial {
		t.Errorf("%d bit/s on a path without fault, want no less than at first", got)
	}
	if rate := e.acked.rate(ackedSpan); rate < 1_800_000 || rate > 2_050_000 {
		t.Errorf("%.0f bit/s arrived by the reports, want 1920000", rate)
	}
}

func TestLostReports(t *testing.T) {
	e := NewEstimator()
	now, number := rounds(e, start(), 0, 20, 20, nil)
	_, _ = rounds(e, now, number, 40, 20, func(round int, _ map[uint16]time.Duration) bool { return round%2 == 1 })
	if rate := e.acked.rate(ackedSpan); rate < 1_700_000 || rate > 2_150_000 {
		t.Errorf("%.0f bit/s arrived by the reports that came, want about 1920000", rate)
	}
	if loss, _ := e.loss.share(); loss != 0 {
		t.Errorf("%.2f lost, want nothing: only reports were", loss)
	}
}

func TestLossIsCorrectedByLaterReports(t *testing.T) {
	e := NewEstimator()
	now, number := start(), uint16(0)
	for i := range 20 {
		received, late := map[uint16]time.Duration{}, map[uint16]time.Duration{}
		base := number + 1
		for k := range 20 {
			number++
			now = now.Add(5 * time.Millisecond)
			e.Sent(number, 1200, now)
			at := now.Sub(start()) + 20*time.Millisecond
			late[number] = at
			if k%4 != 0 {
				received[number] = at
			}
		}
		e.Feedback(makeReport(0, base, 20, uint8(2*i), received), now.Add(30*time.Millisecond))
		e.Feedback(makeReport(0, base, 20, uint8(2*i+1), late), now.Add(40*time.Millisecond))
	}
	if loss, of := e.loss.share(); loss != 0 || of == 0 {
		t.Errorf("%.2f of %d lost, want nothing", loss, of)
	}
}

func TestLossOfReceiverReports(t *testing.T) {
	for _, c := range []struct {
		name     string
		sent     int // packets of 1000 bytes a tenth of a second
		loss     float64
		from, to uint64
	}{
		{"none, much is sent", 50, 0, 4_000_000, 5_000_000},
		{"none, little is sent", 10, 0, DefaultInitial, DefaultInitial},
		{"none, nothing is known to be sent", 0, 0, DefaultInitial, DefaultInitial},
		{"5 %", 50, 0.05, DefaultInitial, DefaultInitial},
		{"30 %", 50, 0.3, DefaultMin, 1_000_000},
		{"30 % of little", 10, 0.3, DefaultMin, 600_000},
		{"not a share", 50, -1, DefaultInitial, DefaultInitial},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, now, number := NewEstimator(), start(), uint16(0)
			for i := range 100 {
				for range c.sent {
					number++
					e.Sent(number, 1000, now)
				}
				now = now.Add(100 * time.Millisecond)
				if i%10 == 9 {
					e.Loss(c.loss, now)
				}
			}
			if got := e.Target(); got < c.from || got > c.to {
				t.Errorf("%d bit/s, want %d to %d", got, c.from, c.to)
			}
		})
	}
}

func TestLossIsIgnoredWhereReportsCome(t *testing.T) {
	e := NewEstimator()
	now, _ := rounds(e, start(), 0, 20, 20, nil)
	was := e.Target()
	e.Loss(0.9, now)
	if got := e.Target(); got != was {
		t.Errorf("%d bit/s after a receiver report, want still %d", got, was)
	}
}

func TestNoProbe(t *testing.T) {
	for _, c := range []struct {
		name   string
		wanted uint64
		want   bool
		before func(e *Estimator) time.Time
	}{
		{"all is well", 10_000_000, true, func(e *Estimator) time.Time {
			now, _ := rounds(e, start(), 0, 20, 20, nil)
			return now
		}},
		{"no more is wanted", 2_000_000, false, func(e *Estimator) time.Time {
			now, _ := rounds(e, start(), 0, 20, 20, nil)
			return now
		}},
		{"nothing was reported", 10_000_000, false, func(*Estimator) time.Time { return start() }},
		{"nothing was reported lately", 10_000_000, false, func(e *Estimator) time.Time {
			now, _ := rounds(e, start(), 0, 20, 20, nil)
			return now.Add(time.Second)
		}},
		{"some is lost", 10_000_000, false, func(e *Estimator) time.Time {
			now, _ := rounds(e, start(), 0, 20, 20, func(round int, received map[uint16]time.Duration) bool {
				if round >= 15 {
					delete(received, uint16(round*20+7))
					delete(received, uint16(round*20+12))
				}
				return true
			})
			return now
		}},
		{"a queue grows", 10_000_000, false, func(e *Estimator) time.Time {
			now, _ := rounds(e, start(), 0, 20, 20, func(round int, received map[uint16]time.Duration) bool {
				for n := range received {
					received[n] += max(0, time.Duration(round-14)*50+time.Duration(n%20)*2) * time.Millisecond
				}
				return true
			})
			return now
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := NewEstimator()
			now := c.before(e)
			p, ok := e.Probe(now.Add(30*time.Millisecond), c.wanted)
			if ok != c.want {
				t.Fatalf("probe %v, want %v", ok, c.want)
			}
			if bytes := float64(p.Rate) / 8 * p.Duration.Seconds(); bytes > probeMaxBytes {
				t.Errorf("it adds %.0f bytes, want at most %d", bytes, probeMaxBytes)
			}
			if _, again := e.Probe(now.Add(40*time.Millisecond), c.wanted); again {
				t.Error("a second one beside it")
			}
		})
	}
}

func TestTogether(t *testing.T) {
	// To be run with -race.
	e := NewEstimator()
	var all sync.WaitGroup
	var numbers sync.Mutex
	next := uint16(0)
	for range 3 {
		all.Go(func() {
			for range 2000 {
				numbers.Lock()
				next++
				n := next
				numbers.Unlock()
				e.Sent(n, 1000, start().Add(time.Duration(n)*time.Millisecond))
			}
		})
	}
	all.Go(func() {
		for i := range 100 {
			received := map[uint16]time.Duration{}
			for n := range uint16(20) {
				received[uint16(i*20)+n] = time.Duration(i*20+int(n)) * time.Millisecond
			}
			e.Feedback(makeReport(0, uint16(i*20), 20, uint8(i), received), start().Add(time.Duration(i*20)*time.Millisecond))
			e.Loss(0.01, start())
		}
	})
	all.Go(func() {
		for i := range 100 {
			e.Probe(start().Add(time.Duration(i)*100*time.Millisecond), e.Target()*2)
		}
	})
	all.Wait()
}

func FuzzFeedback(f *testing.F) {
	received := map[uint16]time.Duration{}
	for n := range uint16(40) {
		if n%5 != 0 {
			received[n] = time.Duration(n) * 3 * time.Millisecond
		}
	}
	if raw, err := makeReport(0, 0, 40, 1, received).Marshal(); err == nil {
		f.Add(raw)
	}
	run := rtcp.TransportLayerCC{
		Header:             rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
		BaseSequenceNumber: 65500, PacketStatusCount: 8000,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{RunLength: 8000}},
	}
	if raw, err := run.Marshal(); err == nil {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		packets, err := rtcp.Unmarshal(raw)
		if err != nil {
			return
		}
		e, random := NewEstimator(), rand.New(rand.NewPCG(1, 1))
		now := start()
		for i, p := range packets {
			for n := range uint16(50) {
				e.Sent(uint16(i)*50+n-25, random.IntN(1500), now)
				now = now.Add(time.Millisecond)
			}
			if cc, ok := p.(*rtcp.TransportLayerCC); ok {
				e.Feedback(cc, now)
				e.Feedback(cc, now.Add(time.Second))
			}
			e.Probe(now, 10_000_000)
			if got := e.Target(); got < DefaultMin || got > DefaultMax {
				t.Fatalf("%d bit/s", got)
			}
		}
	})
}

func BenchmarkSent(b *testing.B) {
	e, now := NewEstimator(), time.Now()
	b.ReportAllocs()
	number := uint16(0)
	for b.Loop() {
		number++
		e.Sent(number, 1200, now)
	}
}

func BenchmarkFeedback(b *testing.B) {
	e, now := NewEstimator(), start()
	number := uint16(0)
	b.ReportAllocs()
	reports := make([]*rtcp.TransportLayerCC, 0, 100)
	var times []time.Time
	for i := range 100 {
		received := map[uint16]time.Duration{}
		base := number + 1
		for range 20 {
			number++
			now = now.Add(5 * time.Millisecond)
			received[number] = now.Sub(start()) + 20*time.Millisecond
		}
		reports = append(reports, makeReport(0, base, 20, uint8(i), received))
		times = append(times, now)
	}
	i := 0
	for b.Loop() {
		b.StopTimer()
		for n := range uint16(20) {
			e.Sent(reports[i].BaseSequenceNumber+n, 1200, times[i].Add(time.Duration(n-20)*5*time.Millisecond))
		}
		b.StartTimer()
		e.Feedback(reports[i], times[i].Add(30*time.Millisecond))
		i = (i + 1) % len(reports)
	}
}
