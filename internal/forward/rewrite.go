package forward

import "time"

// rewriter maps sequence numbers and timestamps of a source to those that
// leave. What leaves is gapless where the source is, whatever was skipped,
// paused or switched between. It is a pure state machine: no clock, no I/O.
type rewriter struct {
	clockRate uint32

	// begun: a first packet has left, so numbers go on from there.
	begun       bool
	lastOutSeq  uint16
	lastOutTime uint32
	lastSent    time.Time

	// The present run of the present source.
	running  bool
	firstIn  uint16
	highest  uint16
	seqDelta uint16 // out = in + delta, for numbers newer than every skip
	tsDelta  uint32

	// skips are the last numbers of this run that were left out, oldest first.
	// A late packet from before a skip has the delta of its time.
	skips []uint16
}

// maxSkips bounds the memory for numbers left out: a packet that is later than
// that many skips is dropped.
const maxSkips = 64

// stop ends the run: nothing leaves until start.
func (r *rewriter) stop() { r.running = false }

// start begins a run at the packet (seq, ts), which becomes the next one to
// leave. With sameClock the timestamps go on as the source has them, as after
// a pause; else they go on from the last one that left by the time since then.
func (r *rewriter) start(seq uint16, ts uint32, now time.Time, sameClock bool) {
	r.running = true
	r.firstIn, r.highest = seq, seq-1
	r.skips = r.skips[:0]
	if !r.begun {
		// The numbers of a first source are as good as any.
		r.seqDelta, r.tsDelta = 0, 0
		return
	}
	r.seqDelta = r.lastOutSeq + 1 - seq
	if !sameClock {
		// Several goroutines send: now may be a little before the last time.
		elapsed := uint32(max(now.Sub(r.lastSent), 0).Seconds() * float64(r.clockRate))
		r.tsDelta = r.lastOutTime + max(elapsed, 1) - ts
	}
}

// rewrite returns what (seq, ts) leaves as; ok is false for a packet from
// before the run, which must not leave.
func (r *rewriter) rewrite(seq uint16, ts uint32, now time.Time) (outSeq uint16, outTS uint32, ok bool) {
	if !r.running || newer(r.firstIn, seq) {
		return 0, 0, false
	}
	delta := r.seqDelta
	if newer(seq, r.highest) {
		r.advance(seq)
	} else {
		for i := len(r.skips) - 1; i >= 0; i-- {
			if r.skips[i] == seq {
				return 0, 0, false // was left out; its number is gone
			}
			if !newer(r.skips[i], seq) {
				break
			}
			if i == 0 && len(r.skips) == maxSkips {
				return 0, 0, false // later than what is remembered
			}
			delta++
		}
	}
	outSeq, outTS = seq+delta, ts+r.tsDelta
	if !r.begun || newer(outSeq, r.lastOutSeq) {
		r.begun = true
		r.lastOutSeq, r.lastOutTime, r.lastSent = outSeq, outTS, now
	}
	return outSeq, outTS, true
}

// advance moves the newest number on and forgets what is so old that it would
// soon seem new again.
func (r *rewriter) advance(seq uint16) {
	const old = 1 << 14
	r.highest = seq
	if seq-r.firstIn > old {
		r.firstIn = seq - old/2
	}
	for len(r.skips) > 0 && seq-r.skips[0] > old/2 {
		r.skips = append(r.skips[:0], r.skips[1:]...)
	}
}

// skip leaves seq out, so that the next number closes the gap. Only the newest
// number can be left out; an older one leaves a gap that is real.
func (r *rewriter) skip(seq uint16) {
	if !r.running || !newer(seq, r.highest) {
		return
	}
	r.advance(seq)
	r.seqDelta--
	if len(r.skips) == maxSkips {
		copy(r.skips, r.skips[1:])
		r.skips = r.skips[:maxSkips-1]
	}
	r.skips = append(r.skips, seq)
}
