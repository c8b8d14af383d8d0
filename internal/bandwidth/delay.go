package bandwidth

import "math"

// Times and delays here are in µs.
const (
	// groupSpan is for how long packets that leave one after another are taken
	// as one group.
	groupSpan = 5_000
	// delayWindow is the time over which the delay is looked at, by the clock of
	// the receiver: long enough for Wi-Fi to have let a packet through without
	// waiting, short enough to see soon that a path has become narrow. By the clock
	// of the sender that would take as much longer as the queue grows meanwhile.
	delayWindow = 250_000
	// sparseWindow is the same where so little is sent that delayWindow holds
	// fewer than fewSamples.
	sparseWindow = 2_000_000
	fewSamples   = 6
	maxSamples   = 64
	// epochSpan: the least delay is that of the present and the last such span,
	// so that clocks that drift against each other and changed routes do no harm.
	epochSpan = 15_000_000
	// clockJump is a change of the delay that only a clock being set explains.
	clockJump = 3_000_000

	minRiseLimit, firstRiseLimit, maxRiseLimit = 6_000, 12_000, 60_000
	// smallQueue may stand there without being called a queue.
	smallQueue = 10_000
	// longQueue is too long even if it does not grow.
	longQueue = 60_000
)

// usage says how the path is used.
type usage uint8

const (
	normal usage = iota
	overuse
	underuse // a queue is being worked off
)

// sample is a group of packets: when it was sent, and how much later by the
// receiver's clock the packet arrived that was delayed least.
type sample struct{ sent, delay int64 }

// delayDetector tells from when packets left and arrived whether a queue builds
// up on the path.
//
// An SFU sends frames at once, as bursts of up to 50 packets, without a pacer.
// So of each group only the packet that was delayed least counts, its first as
// a rule: it has waited for what was there before, not for its own group. And
// queue, the least such delay over delayWindow, is what distinguishes a path
// that is full from one that now and then lets packets wait.
type delayDetector struct {
	state usage
	queue int64 // least time waited in the window
	rise  int64 // how much the time waited grew in it, by a straight line through it

	riseLimit float64

	groupSent, groupDelay int64
	grouped               bool

	samples [maxSamples]sample
	count   int // how many samples were taken in all
	used    int // how many of them are valid

	epochStart        int64
	least, leastUntil int64 // least delay of this epoch and of the one before
	lastDelay         int64
}

// packet takes a packet that arrived. Packets come in the order they were sent.
func (d *delayDetector) packet(sent, arrived int64) {
	delay := arrived - sent
	if d.grouped && sent-d.groupSent < groupSpan {
		if sent >= d.groupSent {
			d.groupDelay = min(d.groupDelay, delay)
		}
		return
	}
	if d.grouped {
		d.group(d.groupSent, d.groupDelay)
	}
	d.grouped, d.groupSent, d.groupDelay = true, sent, delay
}

// group takes a group of packets that is complete.
func (d *delayDetector) group(sent, delay int64) {
	if d.used > 0 && (delay-d.lastDelay > clockJump || d.lastDelay-delay > clockJump) {
		d.reset()
	}
	if d.used == 0 && d.count == 0 {
		d.epochStart, d.least, d.leastUntil = sent, delay, delay
		d.riseLimit = firstRiseLimit
	}
	if sent-d.epochStart > epochSpan {
		d.epochStart, d.leastUntil, d.least = sent, d.least, delay
	}
	d.lastDelay = delay
	d.least = min(d.least, delay)
	d.samples[d.count%maxSamples] = sample{sent, delay}
	d.count++
	d.used = min(d.used+1, maxSamples)
	d.judge()
}

// reset forgets all delays, as after a clock was set.
func (d *delayDetector) reset() {
	*d = delayDetector{grouped: d.grouped, groupSent: d.groupSent, groupDelay: d.groupDelay}
}

// accept takes the queue that stands there for a part of the path: others keep
// it up, or it is another path by now.
func (d *delayDetector) accept() {
	d.least = min(d.least, d.leastUntil) + d.queue
	d.leastUntil = d.least
	d.queue, d.state = 0, normal
}

// judge looks at the window that ends with the latest sample.
func (d *delayDetector) judge() {
	base := min(d.least, d.leastUntil)
	last := d.samples[(d.count-1)%maxSamples]
	queue := int64(math.MaxInt64)
	n := 0
	var sx, sy, sxx, sxy float64
	oldest := last.sent
	for n < d.used {
		s := d.samples[(d.count-1-n)%maxSamples]
		age := last.sent + last.delay - s.sent - s.delay
		if age > sparseWindow || age > delayWindow && n >= fewSamples {
			break
		}
		oldest = s.sent
		q := s.delay - base
		queue = min(queue, q)
		x, y := float64(s.sent-last.sent), float64(q)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
		n++
	}
	d.queue, d.rise = queue, 0
	if n < fewSamples {
		d.state = normal
		return
	}
	span := float64(last.sent - oldest)
	if div := float64(n)*sxx - sx*sx; div > 0 {
		d.rise = int64((float64(n)*sxy - sx*sy) / div * span)
	}
	d.adapt(float64(last.sent - d.samples[(d.count-2)%maxSamples].sent))
	rise, limit := float64(d.rise), d.riseLimit
	switch {
	case queue > smallQueue && rise > limit,
		queue > longQueue && rise > -limit/2:
		d.state = overuse
	case queue > smallQueue && rise < -limit/2:
		d.state = underuse
	default:
		d.state = normal
	}
}

// adapt lets the limit of what is called a rise follow what is usual on the
// path, soon down and slower up, without being moved by a true congestion.
func (d *delayDetector) adapt(passed float64) {
	passed = min(passed, 100_000)
	rise := math.Abs(float64(d.rise))
	if rise < d.riseLimit+25_000 {
		over := 400_000.0
		if rise > d.riseLimit {
			over = 1_500_000
		}
		d.riseLimit += (rise - d.riseLimit) * passed / over
		d.riseLimit = min(max(d.riseLimit, minRiseLimit), maxRiseLimit)
	}
}
