package bandwidth

import "time"

const (
	// probeSpan is how long a probe lasts: long enough for a rate to be read from
	// it, short enough that a path that carries half of it holds a queue of no
	// more than that for a moment.
	probeSpan = 50_000
	// probeMaxBytes is what one may add at most. Faster ones are shorter.
	probeMaxBytes = 64_000
	probeMinSpan  = 10_000
	// probeStep and probeLeap are how far above the estimate a probe goes.
	probeStep, probeLeap = 1.5, 2.0
	// firstWait and lastWait bound the time after a probe that brought nothing
	// until the next, in µs. lastWait is what it takes at most to see that a path
	// has become better; the probes then are a percent of what is sent.
	firstWait, lastWait = 1_000_000, 4_000_000
	// probeAgain is the time after one that brought all that was hoped for.
	probeAgain = 100_000
	// probePatience is how long is waited for the reports on one.
	probePatience = 500_000
)

// Probe is something to be sent in addition to what is sent anyway, to see
// whether the path carries more: padding, or packets once more.
type Probe struct {
	// Rate of what is to be added, in bit/s.
	Rate uint64
	// Duration over which it is to be spread evenly, beginning now.
	Duration time.Duration
}

// prober decides when to probe and reads what came of it. All that is sent
// while a probe lasts is taken as part of it.
type prober struct {
	active      bool
	begin, end  int64 // by our clock
	deadline    int64
	bytes       int   // sent
	first, last int64 // time of sending
	lastSize    int

	arrivals             int
	arrivedBytes         int
	firstSize            int
	firstArrival         int64
	lastArrival          int64
	missing, missingSize int

	next    int64 // not before this time
	wait    int64
	upAt    int64 // when a probe last raised the estimate
	up      bool
	former  float64 // the estimate before the receiver was silent
	raising bool    // the one before brought all that was hoped for
}

// Probe tells whether to probe now, when wanted bit/s could be put to use. It is
// to be called a few times a second or more often, also while no more is wanted
// than there is, as it is here that a receiver is found to be silent.
func (e *Estimator) Probe(now time.Time, wanted uint64) (p Probe, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.since(now)
	e.listen(t)
	b := &e.prober
	if b.active && t > b.deadline {
		b.conclude(e, t)
	}
	target := e.Target()
	_, high := e.bounds()
	wanted = min(wanted, high)
	if b.active || !e.reported || e.silent || wanted <= target || t < b.next ||
		t-e.reportedAt > probePatience || e.delay.state != normal || e.delay.queue > 2*smallQueue {
		return Probe{}, false
	}
	if loss, of := e.loss.share(); e.loss.rising(loss) || congested(loss, of) {
		return Probe{}, false
	}
	goal := max(float64(target)*probeLeap, b.former)
	goal = min(goal, max(float64(wanted)*1.05, float64(target)*probeStep), float64(high)*1.05)
	rate := goal - e.sent.rateAt(t, ackedSpan)
	if rate < goal/10 {
		// It is sent anyway.
		return Probe{}, false
	}
	span := int64(probeSpan)
	if most := int64(probeMaxBytes * 8e6 / rate); most < span {
		span = max(most, probeMinSpan)
		rate = min(rate, probeMaxBytes*8e6/float64(span))
	}
	*b = prober{
		active: true, begin: t, end: t + span, deadline: t + span + probePatience + 2*e.roundTrip,
		next: b.next, wait: b.wait, upAt: b.upAt, up: b.up, raising: b.raising, former: b.former,
	}
	return Probe{Rate: uint64(rate), Duration: time.Duration(span) * time.Microsecond}, true
}

// sent notes a packet that leaves.
func (b *prober) sent(at int64, size int) {
	if at < b.begin || at > b.end+probeMinSpan {
		return
	}
	if b.bytes == 0 {
		b.first = at
	}
	b.bytes += size
	b.last, b.lastSize = max(b.last, at), size
}

func (b *prober) has(sentAt int64) bool {
	return b.active && sentAt >= b.begin && sentAt <= b.end+probeMinSpan
}

// arrived notes a packet that arrived.
func (b *prober) arrived(sentAt, at int64, size int) {
	if !b.has(sentAt) {
		return
	}
	if b.arrivals == 0 || at < b.firstArrival {
		b.firstArrival, b.firstSize = at, size
	}
	if b.arrivals == 0 || at > b.lastArrival {
		b.lastArrival = at
	}
	b.arrivals++
	b.arrivedBytes += size
}

// lost notes a packet that did not arrive.
func (b *prober) lost(sentAt int64, size int) {
	if b.has(sentAt) {
		b.missing++
		b.missingSize += size
	}
}

// reported is told that all packets sent up to a time were reported on.
func (b *prober) reported(e *Estimator, sentAt, now int64) {
	if b.active && (sentAt > b.end+probeMinSpan || now > b.deadline) {
		b.conclude(e, now)
	}
}

// conclude reads what came of the probe.
func (b *prober) conclude(e *Estimator, now int64) {
	b.active = false
	target := float64(e.Target())
	sendSpan := float64(max(b.last-b.first, (b.end-b.begin)*3/4))
	sendRate := float64(b.bytes-b.lastSize) * 8e6 / sendSpan
	if b.bytes == 0 || sendRate < 1.1*target {
		// There was nothing to probe with: no news.
		b.next = now + firstWait
		return
	}
	share := float64(b.missing) / float64(max(b.missing+b.arrivals, 1))
	if b.arrivals < 5 || share > 2*e.loss.usual+0.15 {
		b.failed(now)
		return
	}
	got := float64(b.arrivedBytes - b.firstSize)
	got *= 1 + min(share, 2*e.loss.usual)
	rate := got * 8e6 / float64(max(b.lastArrival-b.firstArrival, 1000))
	switch {
	case e.delay.state == overuse:
		b.failed(now)
	case rate > 0.9*sendRate:
		e.set(max(target, min(rate, sendRate)*0.95))
		b.up, b.upAt, b.wait, b.next = true, now, 0, now+probeAgain
		if e.limit > 0 && sendRate > e.limit {
			e.limit = 0
		}
		if sendRate >= b.former {
			b.former = 0
		}
	case rate > 1.1*target:
		e.set(max(target, 0.9*rate))
		b.up, b.upAt, b.former = true, now, 0
		b.next = now + 2*firstWait
	default:
		b.failed(now)
	}
}

// failed puts the next one off.
func (b *prober) failed(now int64) {
	b.former = 0
	b.wait = min(max(2*b.wait, firstWait), lastWait)
	b.next = now + b.wait
}

// decreased is told that the estimate was lowered. If a probe had raised it
// just before, that had promised too much.
func (b *prober) decreased(now int64) {
	b.active = false
	if b.up && now-b.upAt < 5_000_000 {
		b.failed(now)
	}
	b.up = false
	b.next = max(b.next, now+firstWait)
}

// silence is told that the receiver has become silent.
func (b *prober) silence(target float64) {
	b.active = false
	b.former = max(b.former, target)
}

// recovered is told that it can be heard again.
func (b *prober) recovered(now int64) {
	b.wait, b.next = 0, now+2*probeAgain
}
