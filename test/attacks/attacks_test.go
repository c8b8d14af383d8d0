package attacks

import (
	"fmt"
	"testing"
	"time"
)

// What an attack, or all of them together, may cost at most.
const (
	// mostMemory in bytes, above what was in use before.
	mostMemory = 48 << 20
	// mostCPU is the share of one CPU that the node takes above a calm call, of two
	// for all ways together.
	mostCPU = 0.9
	// mostLogged is in bytes.
	mostLogged = 64 << 10
	// Where the members' process was not run for so long, or so many threads of the
	// node waited for a CPU, others kept them from that, and losses are not judged.
	mostHeld   = 250 * time.Millisecond
	mostWaited = 0.5
	tries      = 3
)

// calm is a call that nobody attacks.
type calm struct {
	cpu        float64 // of one CPU
	memory     uint64  // bytes in use
	goroutines int
}

// TestAttacks has strangers attack a node of 128 MiB beside a call of four: in one way
// after the other, and at last in all ways together. Together they may cost no more
// than one of them, so -short leaves out what would be tried twice; it is tried where
// together they cost too much.
func TestAttacks(t *testing.T) {
	s := newSite(t)
	quiet := s.control()
	part := func(name string, do func(t *testing.T)) bool {
		return t.Run(name, func(t *testing.T) {
			defer func(was *testing.T) { s.t = was }(s.t)
			s.t = t
			do(t)
		})
	}
	alone := func(apart bool) {
		for _, w := range ways {
			if w.apart == apart {
				part(w.name, func(t *testing.T) { s.judge(t, quiet, w.lasts, w.name) })
			}
		}
	}
	if !testing.Short() {
		alone(false)
	}
	alone(true)
	fine := part("together", func(t *testing.T) {
		var all []string
		for _, w := range ways {
			if !w.apart {
				all = append(all, w.name)
			}
		}
		s.restart() // what is in use of before would hide what they take
		s.judge(t, quiet, 15*time.Second, all...)
	})
	if !fine && testing.Short() {
		alone(false)
	}
	part("afterwards", func(t *testing.T) { s.afterwards(t, quiet) })
}

// control has the call go on for a while, which has to lose nothing where others
// are to be blamed for losses.
func (s *site) control() calm {
	s.t.Helper()
	const lasts = 5 * time.Second
	var last measured
	for range tries {
		if last = s.measure(s.t, lasts, nil); last.lost() == "" && last.died == "" {
			s.t.Logf("calm: %s", last)
			return calm{last.cpu, last.peak, s.goroutines()}
		}
	}
	s.t.Skipf("SKIPPED: this machine is too busy to judge attacks: a calm call loses frames: %s", last)
	return calm{}
}

// measured is what an attack has cost.
type measured struct {
	report
	counters
	before, peak uint64  // bytes in use
	cpu          float64 // of one CPU
	waited       float64 // threads that waited for one, on average
	goroutines   int
	logged       int64 // bytes
	died         string
	told         []result
}

// measure has the attacker do something meanwhile.
func (s *site) measure(t *testing.T, lasts time.Duration, names []string) (m measured) {
	t.Helper()
	s.ask(order{From: time.Now(), To: time.Now()}) // begins to look for how long it is held
	counted, logged, start := s.counted(), s.logSize(), time.Now()
	took, waited := s.cpu()
	m.before = s.cgroup.restart()
	if len(names) == 0 {
		time.Sleep(lasts)
	} else {
		s.attacks.Ask(strike{Names: names, Lasts: lasts}, &m.told)
	}
	end := time.Now()
	tookNow, waitedNow := s.cpu() // 0 of one that has ended
	m.cpu = max(0, tookNow-took) / end.Sub(start).Seconds()
	m.waited = max(0, waitedNow-waited) / end.Sub(start).Seconds()
	time.Sleep(patience + 100*time.Millisecond)
	m.peak = s.cgroup.most()
	m.counters = s.counted().since(counted)
	m.report = s.ask(order{From: start, To: end})
	m.logged = s.logSize() - logged
	if !s.alive() {
		m.died = fmt.Sprintf("the node has ended after %v: %v", end.Sub(start).Round(time.Second), s.process.ProcessState)
	} else {
		m.goroutines = s.goroutines()
	}
	return m
}

func (m measured) lost() string {
	if m.Lost > 0 {
		return fmt.Sprintf("the call has lost %d of %d frames:%s", m.Lost, m.Due, losses(m.By))
	}
	return m.Problem
}

func (m measured) String() string {
	return fmt.Sprintf("frames lost %d of %d, slowest %d ms; memory %+.1f MiB to %.1f MiB; CPU %.2f, waited for %.2f; goroutines %d; log %.1f KiB; packets to those that never spoke %d, dials %d, names asked %d; forged %d bytes, answered %d, media %d packets; held %d ms",
		m.Lost, m.Due, m.Slowest.Milliseconds(), mib(m.peak)-mib(m.before), mib(m.peak), m.cpu, m.waited, m.goroutines, float64(m.logged)/1024,
		m.silent, m.dials, m.names, m.forged, m.answered, m.media, m.Held.Milliseconds())
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

// judge measures some attacks at once, and what they may not cost.
func (s *site) judge(t *testing.T, quiet calm, lasts time.Duration, names ...string) {
	var m measured
	for try := 1; ; try++ {
		m = s.measure(t, lasts, names)
		if m.Held < mostHeld && m.waited < mostWaited || m.lost() == "" || m.died != "" || try == tries {
			break
		}
		t.Logf("this machine is too busy to judge by it: once more: %s", m)
		s.restart()
	}
	together := len(names) > 1
	for _, r := range m.told {
		t.Logf("%s: %s", r.Name, r.Told)
		switch {
		case r.Wrong != "":
			t.Errorf("%s: %s", r.Name, r.Wrong)
		case r.Problem == "" || m.died != "":
		case together: // they are in each other's way, too
			t.Logf("%s: %s", r.Name, r.Problem)
		default:
			t.Errorf("the attack itself failed: %s", r.Problem)
		}
	}
	t.Logf("%s: %s", t.Name(), m)
	if problem := m.lost(); problem != "" {
		t.Error(problem)
	}
	if m.died != "" {
		t.Error(m.died)
	}
	if took := int64(m.peak) - int64(m.before); took >= mostMemory {
		t.Errorf("the node took %.1f MiB, of which %d may be", float64(took)/(1<<20), mostMemory>>20)
	}
	may := mostCPU
	if together {
		may *= 2
	}
	if took := m.cpu - quiet.cpu; took >= may {
		t.Errorf("the node took %.2f of a CPU more than for a calm call, of which %.2f may be", took, may)
	}
	if m.logged >= mostLogged {
		t.Errorf("the node logged %d KiB, of which %d may be", m.logged>>10, mostLogged>>10)
	}
	if m.silent > 0 {
		t.Errorf("%d packets went to those that never spoke: %s", m.silent, s.unasked())
	}
	if m.dials > 0 {
		t.Errorf("the node opened %d TCP connections", m.dials)
	}
	if m.names > 0 {
		t.Errorf("the node asked for names by %d packets", m.names)
	}
	if m.media > 0 {
		t.Errorf("%d packets of media went to an address in whose name others spoke", m.media)
	}
	if m.answered > m.forged {
		t.Errorf("%d bytes went to an address in whose name %d were sent", m.answered, m.forged)
	}
	if t.Failed() { // the next one is to find nothing of this one
		s.restart()
	}
}

// afterwards everything is as it was: sessions whose attackers are silent end.
func (s *site) afterwards(t *testing.T, quiet calm) {
	const most = 60 * time.Second
	start, is := time.Now(), 0
	for time.Since(start) < most {
		if is = s.goroutines(); is <= quiet.goroutines+10 {
			break
		}
		time.Sleep(time.Second)
	}
	t.Logf("goroutines: %d before, %d now, after %v; memory %.1f MiB", quiet.goroutines, is, time.Since(start).Round(time.Second), mib(s.cgroup.now()))
	if now := s.cgroup.now(); now > quiet.memory+mostMemory {
		t.Errorf("%.1f MiB are in use, %.1f before", mib(now), mib(quiet.memory))
	}
	if is > quiet.goroutines+10 {
		t.Errorf("%d goroutines are left of the attacks %v later", is-quiet.goroutines, most)
	}
	if r := s.ask(order{Newcomer: true}); r.Problem != "" {
		t.Errorf("nobody else can join: %s", r.Problem)
	}
}
