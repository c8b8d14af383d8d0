package bandwidth

import "time"

const (
	// probeBytes is what a probe should send in all, so that a rate can be read
	// from it even where a shaper lets a few packets pass at once, and minSpan and
	// maxSpan are how long it lasts therefore, in µs. A path that carries half of
	// it holds a queue of no more than half that time for a moment.
	probeBytes       = 20_000
	minSpan, maxSpan = 50_000, 100_000
	// maxStretch is how often their length is doubled where short ones promised
	// what the path did not hold, as shapers with large buckets do.
	maxStretch = 1
	// probeMaxBytes is what one may add at most. Faster ones are shorter.
	probeMaxBytes = 64_000
	// leastSpan is that of the fastest, and for how long after the end packets are
	// taken as part of it.
	leastSpan = 10_000
	// trustAfter is for how long a raised estimate must hold to be believed.
	trustAfter = 5_000_000
	// probeStep is how far above the estimate a probe goes at least if the path
	// allows, probeLeap at most, and probeChain one that follows one that brought
	// all that was hoped for.
	probeStep, probeLeap, probeChain = 1.5, 2.0, 3.0
	// firstWait and lastWait bound the time after a probe that brought nothing
	// until the next, in µs. lastWait is what it takes at most to see that a path
	// has become better; the probes then are a percent of what is sent.
	firstWait, lastWait = 1_000_000, 3_000_000
	// paceSlack is by how much, in µs, a probe may take longer on the path than it
	// took to send without anything being made of it.
	paceSlack = 3_000
	// probeQueue is the queue that a probe may make where the path carries no more
	// than it did when it was full the last time, and probeGrace how long after a
	// probe a queue is taken for that.
	probeQueue = 80_000
	probeGrace = 400_000
	// lastBlindWait is the longest time until more is tried again where there was
	// nothing to probe with.
	lastBlindWait = 32_000_000
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

// Due is how many bytes in all should have left some time after the begin. Whole
// packets may go a little beyond that, but the ones after them then wait: a path
// that carries 400 kbit/s is blocked for long by what is nothing elsewhere.
func (p Probe) Due(elapsed time.Duration) int {
	return int(float64(p.Rate) / 8 * min(elapsed, p.Duration).Seconds())
}

// prober decides when to probe and reads what came of it.
type prober struct {
	cluster
	active bool

	next    int64   // not before this time
	wait    int64   // after the last one that failed
	upAt    int64   // when a probe last raised the estimate; 0: long ago
	up      bool    // and that is not believed yet
	chain   bool    // the last one brought all that was hoped for
	once    bool    // it went beyond where the path was full before, so it is repeated
	found   float64 // what the last one found, if it failed
	former  float64 // the estimate before the receiver was silent
	stretch uint    // probes are longer by this power of two
	blind   bool    // the estimate was raised without a probe
}

// cluster is one probe: all that is sent while it lasts.
type cluster struct {
	begin, end  int64 // by our clock
	deadline    int64
	goal        float64
	wanted      float64
	bytes       int   // sent
	first, last int64 // time of sending
	lastSize    int

	arrivals, missing int
	whole, late       part // what arrived in all, and of what was sent in the second half
}

// part is what arrived of a part of a probe.
type part struct {
	begun                bool
	sentFirst, sentLast  int64 // by our clock
	arrivedAt, arrivedBy int64 // the first and the last, by the receiver's clock
}

func (p *part) add(sent, arrived int64) {
	if !p.begun {
		*p = part{true, sent, sent, arrived, arrived}
	}
	p.sentFirst, p.sentLast = min(p.sentFirst, sent), max(p.sentLast, sent)
	p.arrivedAt, p.arrivedBy = min(p.arrivedAt, arrived), max(p.arrivedBy, arrived)
}

// pace is how much of the rate it was sent at it kept on the path, at most 1.
func (p *part) pace() float64 {
	took, gave := p.arrivedBy-p.arrivedAt-paceSlack, p.sentLast-p.sentFirst
	if took <= gave {
		return 1
	}
	return float64(gave) / float64(took)
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
	if loss, of := e.loss.share(); e.loss.rising(loss, of) || congested(loss, of) {
		return Probe{}, false
	}
	leap := probeLeap
	switch {
	case b.chain:
		leap = probeChain
	case b.stretch > 0:
		leap = probeStep
	}
	goal := max(float64(target)*leap, b.former)
	goal = min(goal, max(float64(wanted), float64(target)*probeStep)*1.1, float64(high)*1.1)
	rate := goal - e.sent.rateAt(t, ackedSpan)
	if rate < goal/10 {
		// It is sent anyway.
		return Probe{}, false
	}
	span := min(max(int64(probeBytes*8e6/goal), minSpan), maxSpan) << b.stretch
	if e.limit > 0 && goal > e.limit {
		span = min(span, max(int64(probeQueue/(goal/e.limit-1)), minSpan))
	}
	if most := int64(probeMaxBytes * 8e6 / rate); most < span {
		span = max(most, leastSpan)
		rate = min(rate, probeMaxBytes*8e6/float64(span))
	}
	b.active = true
	b.cluster = cluster{begin: t, end: t + span, deadline: t + span + probePatience + 2*e.roundTrip, goal: goal, wanted: float64(wanted)}
	return Probe{Rate: uint64(rate), Duration: time.Duration(span) * time.Microsecond}, true
}

// sent notes a packet that leaves.
func (b *prober) sent(at int64, size int) {
	if at < b.begin || at > b.end+leastSpan {
		return
	}
	if b.bytes == 0 {
		b.first = at
	}
	b.bytes += size
	b.last, b.lastSize = max(b.last, at), size
}

func (b *prober) has(sentAt int64) bool {
	return b.active && sentAt >= b.begin && sentAt <= b.end+leastSpan
}

// arrived notes a packet that arrived.
func (b *prober) arrived(sentAt, at int64) {
	if !b.has(sentAt) {
		return
	}
	b.arrivals++
	b.whole.add(sentAt, at)
	if sentAt >= (b.begin+b.end)/2 {
		b.late.add(sentAt, at)
	}
}

// lost notes a packet that did not arrive.
func (b *prober) lost(sentAt int64) {
	if b.has(sentAt) {
		b.missing++
	}
}

// reported is told that all packets sent up to a time were reported on.
func (b *prober) reported(e *Estimator, sentAt, now int64) {
	if b.active && (sentAt > b.end+leastSpan || now > b.deadline) {
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
		b.next = now + firstWait
		if sendRate < b.goal/2 && e.delay.state == normal {
			// There was nothing to probe with, as no picture is sent, or the receiver
			// takes no packets twice. Then it can only be tried.
			step := probeLeap
			if e.limit > 0 {
				step = probeStep
			}
			e.set(max(target, min(step*target, b.wanted)))
			b.up, b.upAt, b.blind = true, now, true
		}
		return
	}
	b.blind = false
	share := float64(b.missing) / float64(max(b.missing+b.arrivals, 1))
	if b.arrivals < 5 || share > 2*e.loss.usual+0.25 {
		b.failed(now, 0)
		return
	}
	pace := min(b.whole.pace(), b.late.pace())
	rate := min(sendRate*pace*(1-max(share-2*e.loss.usual, 0)), b.goal)
	switch {
	case e.delay.state == overuse:
		b.less(e, rate, now)
	case pace > 0.9 && e.limit > 0 && sendRate > e.limit && !b.once:
		// A shaper lets so much pass once, after a pause.
		b.once, b.next = true, now
	case pace > 0.9:
		b.once = false
		e.set(max(target, 0.95*rate))
		b.up, b.upAt, b.next, b.chain, b.found = true, now, now+probeAgain, true, 0
		if e.limit > 0 && sendRate > e.limit {
			e.limit = 0
		}
		b.former = 0
	case rate > 1.1*target:
		if e.limit > 0 {
			rate = min(rate, 1.15*e.limit)
		}
		e.set(max(target, 0.9*rate))
		b.up, b.upAt, b.former, b.found, b.once, b.chain = true, now, 0, 0, false, false
		b.next = now + 2*firstWait
	default:
		b.less(e, rate, now)
	}
}

// less is told that there was no more than that.
func (b *prober) less(e *Estimator, rate float64, now int64) {
	target := float64(e.Target())
	if both := max(rate, b.found); b.found > 0 && both < 0.95*target {
		// Twice less was found than is thought to be there.
		e.set(min(max(both, 1.1*e.acked.rate(ackedSpan)), target))
	}
	e.limitAt = now
	b.failed(now, rate)
}

// failed puts the next one off.
func (b *prober) failed(now int64, found float64) {
	b.former, b.found, b.up, b.chain, b.once = 0, found, false, false, false
	b.wait = min(max(2*b.wait, firstWait), lastWait)
	b.next = now + b.wait
}

// blamed tells whether a queue found now is of the probe's own making.
func (b *prober) blamed(now int64) bool { return b.end != 0 && now < b.end+probeGrace }

// decreased is told that the estimate was lowered. If a probe had raised it
// just before, that had promised too much.
func (b *prober) decreased(now int64) {
	raised, wait := b.upAt > 0 && now-b.upAt < trustAfter, b.wait
	if raised || b.active {
		b.failed(now, 0)
	}
	switch {
	case raised && b.blind:
		b.wait = min(max(4*firstWait, 2*wait), lastBlindWait)
		b.next = now + b.wait
	case raised:
		b.stretch = min(b.stretch+1, maxStretch)
	}
	b.active = false
	b.up, b.upAt, b.chain = false, 0, false
	b.next = max(b.next, now+firstWait)
}

// held is told that the path carries what it is thought to.
func (b *prober) held(now int64) {
	if b.up && now-b.upAt > trustAfter {
		b.up, b.wait = false, 0
		b.stretch -= min(b.stretch, 1)
	}
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
