package bandwidth

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
)

// What an Estimator assumes where nothing is set, in bit/s.
const (
	// DefaultInitial carries a good picture and the sound that belongs to it. A
	// path that carries less shows that within half a second; one that
	// carries more, as soon as more is wanted.
	DefaultInitial = 3_000_000
	// DefaultMin is sound and next to nothing else.
	DefaultMin = 64_000
	// DefaultMax is more than a browser can take.
	DefaultMax = 100_000_000
)

const (
	// keep is the share of what arrived that is sent on when a queue had built up,
	// so that it goes down.
	keep = 0.85
	// growth is how fast the estimate rises on a path that is used, per second.
	growth = 1.08
	// ahead is how far the estimate may be ahead of what was seen to arrive.
	ahead = 1.15
	// ackedSpan is over what time it is measured what arrives, in µs;
	// promptSpan when a queue builds up, and what came before says nothing.
	ackedSpan  = 1_000_000
	promptSpan = 250_000
	// limitHolds is for how long, in µs, the estimate does not by itself rise above
	// what was found to be all; after that it may by 1 % a second. A probe that
	// shows more ends it at once.
	limitHolds = 10_000_000
	// silentAfter is how long a receiver that reports may be silent, in µs, and
	// silentPackets how many packets must have been sent to it meanwhile.
	silentAfter   = 1_000_000
	silentPackets = 10
	// reportsWithin is for how long transport-wide reports make the loss in
	// receiver reports be ignored.
	reportsWithin = 5_000_000
)

// Estimator finds out how much the path to one receiver carries. All its
// methods may be called from several goroutines. The zero value works.
type Estimator struct {
	// Initial is what is assumed at first, Min and Max are bounds, all in bit/s.
	// 0 stands for the defaults. Initial may be set higher where more is known of
	// the receiver, as that it is on the local network. Not to be changed once in
	// use.
	Initial, Min, Max uint64

	target atomic.Uint64 // 0: still Initial

	mu      sync.Mutex
	epoch   time.Time
	history history
	sent    meter // by our clock
	acked   meter // by the receiver's clock
	clock   clock
	delay   delayDetector
	loss    lossMeter
	prober  prober

	expected    uint16 // number that the next report should begin with
	reported    bool   // there was a report
	reportedAt  int64
	sentSince   int // packets since
	reactedAt   int64
	roundTrip   int64 // smoothed, from sending to the report
	decreasedAt int64
	decreased   bool
	limit       float64 // where the path was full the last time; 0: not known
	limitAt     int64
	full        float64 // what arrived when it was found full
	fullQueue   int64
	silent      bool
	deafFrom    int64 // packets sent before this time are not counted as lost
	reportLoss  float64
	lossAt      int64
}

// NewEstimator makes an Estimator with the default settings.
func NewEstimator() *Estimator { return &Estimator{} }

// Target is what the path is thought to carry, in bit/s.
func (e *Estimator) Target() uint64 {
	if t := e.target.Load(); t != 0 {
		return t
	}
	return e.initial()
}

func (e *Estimator) initial() uint64 {
	low, high := e.bounds()
	if e.Initial == 0 {
		return min(max(DefaultInitial, low), high)
	}
	return min(max(e.Initial, low), high)
}

func (e *Estimator) bounds() (low, high uint64) {
	low, high = e.Min, e.Max
	if low == 0 {
		low = DefaultMin
	}
	if high == 0 {
		high = DefaultMax
	}
	return low, max(low, high)
}

// set changes the estimate.
func (e *Estimator) set(target float64) {
	low, high := e.bounds()
	e.target.Store(uint64(min(max(target, float64(low)), float64(high))))
}

// since gives a time as µs of our clock. The caller holds mu.
func (e *Estimator) since(now time.Time) int64 {
	if e.epoch.IsZero() {
		// An hour of room below, for times that come out of order.
		e.epoch = now.Add(-time.Hour)
	}
	return int64(now.Sub(e.epoch)) / 1000
}

// Sent notes that a packet left with that transport-wide sequence number. size
// is in bytes; in whatever way it is counted, with or without headers, the
// estimate is counted likewise. It allocates nothing.
func (e *Estimator) Sent(number uint16, size int, at time.Time) {
	e.mu.Lock()
	t := e.since(at)
	e.history.add(number, size, t)
	e.sent.add(t, size)
	e.sentSince++
	if e.prober.active {
		e.prober.sent(t, size)
	}
	e.mu.Unlock()
}

// SentUnnumbered notes that a packet left which no transport-wide report will
// speak of. size is counted as Sent does. It allocates nothing.
func (e *Estimator) SentUnnumbered(size int, at time.Time) {
	e.mu.Lock()
	e.sent.add(e.since(at), size)
	e.mu.Unlock()
}

// Feedback takes a transport-wide report of the receiver that came at now.
// Reports may be lost, doubled and out of order; what in them makes no sense is
// ignored.
func (e *Estimator) Feedback(f *rtcp.TransportLayerCC, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.since(now)
	if !e.history.begun {
		return
	}
	reference := e.clock.unwrap(f.ReferenceTime)
	base := f.BaseSequenceNumber
	// Nothing is known of packets before the oldest that is remembered, nor of
	// such as were never sent.
	skip := max(int(int16(e.history.newest-historySize+1-base)), 0)
	limit := int(int16(e.history.newest-base)) + 1
	if e.silent {
		e.resume(t)
	}
	e.loss.turn(t)
	expected, gap := e.expected, e.reported && int16(base-e.expected) > 0
	newest := int64(-1)
	for i, s := range statuses(f, skip, limit) {
		number := base + uint16(i)
		if gap && s.timed {
			e.credit(expected, base, reference+s.at)
			gap = false
		}
		if sent, ok := e.take(number, s, reference, t); ok {
			newest = max(newest, sent)
		}
		if !e.reported || int16(number+1-e.expected) > 0 {
			e.expected, e.reported = number+1, true
		}
	}
	if newest < 0 {
		return
	}
	e.reportedAt, e.sentSince = t, 0
	e.measure(max(t-newest, 0))
	e.react(t)
	e.prober.reported(e, newest, t)
}

// take counts what a report says of one packet, and gives when that was sent,
// if it is news that it arrived.
func (e *Estimator) take(number uint16, s status, reference, now int64) (sentAt int64, ok bool) {
	r := e.history.find(number)
	if r == nil || r.fate == arrived {
		return 0, false
	}
	sentAt = r.sentAt(now)
	if now-sentAt > 60_000_000 {
		return 0, false
	}
	counts := sentAt > e.decreasedAt && sentAt > e.deafFrom
	if !s.arrived {
		if r.fate == inFlight && counts {
			e.loss.add(0, 1)
		}
		r.fate = missing
		e.prober.lost(sentAt)
		return 0, false
	}
	if counts {
		if r.fate == missing {
			e.loss.add(1, -1)
		} else {
			e.loss.add(1, 0)
		}
	}
	r.fate = arrived
	if s.timed {
		at := reference + s.at
		e.acked.add(at, int(r.size))
		e.delay.packet(sentAt, at)
		e.prober.arrived(sentAt, at)
	}
	return sentAt, true
}

// credit counts packets as arrived on which a report was lost: those between
// the last report and this one.
func (e *Estimator) credit(from, before uint16, at int64) {
	if before-from > historySize {
		return
	}
	for n := from; n != before; n++ {
		if r := e.history.find(n); r != nil && r.fate == inFlight {
			r.fate = arrived
			e.acked.add(at, int(r.size))
		}
	}
}

// measure learns how long it takes from sending to the report.
func (e *Estimator) measure(took int64) {
	if e.roundTrip == 0 {
		e.roundTrip = took
	}
	e.roundTrip += (min(took, 5_000_000) - e.roundTrip) / 8
}

// react changes the estimate after a report.
func (e *Estimator) react(now int64) {
	passed := min(now-e.reactedAt, 1_000_000)
	e.reactedAt = now
	loss, of := e.loss.share()
	switch {
	case congested(loss, of):
		e.tooMuchLost(loss, now)
	case e.delay.state == overuse:
		e.tooSlow(now)
	case e.delay.state == normal && !e.loss.rising(loss, of) && e.delay.queue < 2*smallQueue:
		e.loss.learn(loss, now)
		e.prober.held(now)
		e.increase(passed, now)
	default:
		e.loss.learn(loss, now)
	}
}

// settled tells whether a decrease has had the time to show.
func (e *Estimator) settled(now int64) bool {
	return !e.decreased || now-e.decreasedAt > 200_000+min(e.roundTrip, 500_000)
}

// tooSlow reacts to a queue on the path.
func (e *Estimator) tooSlow(now int64) {
	if !e.settled(now) {
		return
	}
	acked := e.acked.rate(promptSpan)
	if e.prober.blamed(now) {
		if e.limit == 0 || acked < e.limit {
			e.limit = acked
		}
		e.limitAt = now
		return
	}
	if e.full > 0 && now-e.decreasedAt < 10_000_000 && acked < 0.9*e.full &&
		e.delay.queue > e.fullQueue*8/10 && e.delay.rise < int64(e.delay.riseLimit) {
		// Less was sent, and the queue is there as before: others keep it up.
		e.delay.accept()
		e.full = 0
		return
	}
	e.full, e.fullQueue = acked, e.delay.queue
	e.decrease(keep*acked, acked, now)
}

// tooMuchLost reacts to loss that only a full path explains.
func (e *Estimator) tooMuchLost(loss float64, now int64) {
	if !e.settled(now) {
		return
	}
	acked := e.acked.rate(promptSpan)
	to := keep * acked
	if loss < heavyLoss {
		to = acked / (1 - loss) * (1 - loss/2)
	}
	e.decrease(to, acked, now)
}

// decrease lowers the estimate to no more than a rate.
func (e *Estimator) decrease(to, limit float64, now int64) {
	if target := float64(e.Target()); to < target {
		e.set(to)
	}
	e.limit, e.limitAt = limit, now
	e.decreased, e.decreasedAt = true, now
	e.loss.clear()
	e.prober.decreased(now)
}

// increase lets the estimate rise after a time in which all went well.
func (e *Estimator) increase(passed, now int64) {
	target := float64(e.Target())
	ceiling := ahead*e.acked.rate(ackedSpan) + 10_000
	if target >= ceiling || passed <= 0 {
		return
	}
	seconds := float64(passed) / 1e6
	next := target * math.Pow(growth, seconds)
	if e.limit > 0 {
		if now-e.limitAt > limitHolds {
			e.limit *= 1 + seconds/100
		}
		ceiling = min(ceiling, e.limit)
		if target > 0.8*e.limit {
			// Close to where it was full: a packet more per time of response.
			response := float64(e.roundTrip)/1e6 + 0.1
			next = min(next, target+1200*8/response*seconds)
		}
	}
	e.set(max(target, min(next, ceiling)))
}

// resume goes on after a receiver was silent: what it missed meanwhile does
// not say that the path is full.
func (e *Estimator) resume(now int64) {
	e.silent = false
	e.deafFrom = now
	e.loss.clear()
	e.prober.recovered(now)
}

// listen halves the estimate each second that a receiver is silent.
func (e *Estimator) listen(now int64) {
	if !e.reported || e.sentSince < silentPackets || now-e.reportedAt < max(silentAfter, 3*e.roundTrip) {
		return
	}
	if !e.silent {
		e.silent = true
		e.prober.silence(float64(e.Target()))
	} else if now-e.decreasedAt < silentAfter {
		return
	}
	e.decreased, e.decreasedAt = true, now
	e.set(float64(e.Target()) / 2)
}

// Loss takes the share of packets that were lost, 0 to 1, from a receiver
// report that came at now. It is for receivers without transport-wide reports,
// of whom nothing else is known. That the estimate can rise, SentUnnumbered must
// be called for what is sent to them.
func (e *Estimator) Loss(share float64, now time.Time) {
	if !(share >= 0 && share <= 1) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.since(now)
	if e.reported && t-e.reportedAt < reportsWithin {
		return
	}
	passed := float64(min(t-e.lossAt, 1_000_000)) / 1e6
	e.lossAt = t
	e.reportLoss += (share - e.reportLoss) / 2
	target, sent := float64(e.Target()), e.sent.rateAt(t, ackedSpan)
	switch {
	case e.reportLoss >= congestionLoss:
		if t-e.decreasedAt >= 900_000 || !e.decreased {
			if sent > 0 {
				target = min(target, sent)
			}
			e.decreased, e.decreasedAt = true, t
			e.set(target * (1 - e.reportLoss/2))
		}
	case e.reportLoss < someLoss && target < ahead*sent:
		e.set(min(target*math.Pow(growth, passed), ahead*sent))
	}
}
