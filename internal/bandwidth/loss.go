package bandwidth

import "math"

const (
	lossShift   = 17 // buckets of 131 ms
	lossBuckets = 8  // about a second in all

	// congestionLoss is the share of packets from which on losing them means that
	// the path is full. Radio loses some without being full.
	congestionLoss = 0.10
	// heavyLoss is a share from which on what has arrived is all that the path
	// carries.
	heavyLoss = 0.20
	// someLoss is a share up to which nothing is made of it.
	someLoss = 0.02
)

// lossMeter counts packets that arrived and that did not.
type lossMeter struct {
	buckets [lossBuckets]struct{ arrived, missing int }
	newest  int64
	// usual is what is lost when the path is not full, a mean over ten seconds or
	// what there was so far.
	usual   float64
	learned float64 // for how long, in µs
	usedAt  int64
}

// turn makes room for the time now, in µs.
func (l *lossMeter) turn(now int64) {
	slot := now >> lossShift
	if slot <= l.newest {
		return
	}
	for s := max(l.newest+1, slot-lossBuckets+1); s <= slot; s++ {
		l.buckets[s&(lossBuckets-1)] = struct{ arrived, missing int }{}
	}
	l.newest = slot
}

// add counts packets; arrived or missing may be negative when a report is
// corrected by a later one.
func (l *lossMeter) add(arrived, missing int) {
	b := &l.buckets[l.newest&(lossBuckets-1)]
	b.arrived += arrived
	b.missing += missing
}

func (l *lossMeter) clear() { clear(l.buckets[:]) }

// share gives the share that was lost in the last second and of how many.
func (l *lossMeter) share() (loss float64, of int) {
	missing := 0
	for _, b := range l.buckets {
		of += b.arrived + b.missing
		missing += b.missing
	}
	if of <= 0 || missing <= 0 {
		return 0, max(of, 0)
	}
	return min(float64(missing)/float64(of), 1), of
}

// learn lets the usual loss follow.
func (l *lossMeter) learn(loss float64, now int64) {
	passed := float64(min(max(now-l.usedAt, 1), 1_000_000))
	l.usedAt = now
	if loss < congestionLoss {
		l.learned = min(l.learned+passed, 10_000_000)
		l.usual += (loss - l.usual) * min(passed/l.learned, 1)
	}
}

// congested tells whether so much is lost that it is not chance: with few
// packets, three of twenty are.
func congested(loss float64, of int) bool {
	const share = congestionLoss * (1 - congestionLoss)
	return of >= 20 && loss > congestionLoss+2.5*math.Sqrt(share/float64(of))
}

// rising tells whether more is lost than is usual, by more than chance would
// have it, so that it is better not to send more for now.
func (l *lossMeter) rising(loss float64, of int) bool {
	chance := 2 * math.Sqrt(l.usual*(1-l.usual)/float64(max(of, 1)))
	return loss > someLoss+l.usual+chance
}
