package rtc

import (
	"time"

	"github.com/pion/rtcp"

	"umbrella/internal/clock"
)

// reception keeps the books of one stream of packets that comes in: what is
// missing and is to be asked for again, and what a receiver report says. It is
// a state machine without a clock; the zero value is ready but for its rate.
type reception struct {
	rate uint32 // of the timestamps, in Hz

	begun   bool
	highest uint32 // number, with its wraps
	base    uint32
	got     uint32

	missing []missing // by number

	// RFC 3550 §6.4.1 and A.8.
	jitter      float64
	transit     float64
	hasTransit  bool
	wasExpected uint32
	wasGot      uint32
	reportNTP   uint32 // of the last sender report, the middle 32 bits
	reportAt    time.Time
}

// missing is a packet that did not come yet.
type missing struct {
	seq   uint16
	tries uint8
	next  time.Time // when to ask
	since time.Time
}

const (
	// maxMissing is how many packets are asked for at most; after a greater loss
	// a keyframe is the better way out.
	maxMissing = 256
	// nackDelay leaves packets the time to change places.
	nackDelay = 5 * time.Millisecond
	// nackInterval between two requests for one packet, at least a round trip
	// on most ways; it grows with each.
	nackInterval = 50 * time.Millisecond
	maxNacks     = 8
	// nackPatience is how long a packet is of use.
	nackPatience = time.Second
)

// arrived notes a packet; late tells that one newer was here before.
func (r *reception) arrived(seq uint16, timestamp uint32, now time.Time) {
	r.got++
	if !r.begun {
		r.begun = true
		r.highest, r.base = uint32(seq), uint32(seq)
		return
	}
	d := int16(seq - uint16(r.highest))
	if d <= 0 {
		r.restored(seq)
		return
	}
	if d > 1 {
		r.lack(uint16(r.highest)+1, seq, now)
	}
	r.highest += uint32(d)
	if r.rate > 0 {
		arrival := float64(clock.Nano(now)) / 1e9 * float64(r.rate)
		transit := arrival - float64(timestamp)
		if r.hasTransit {
			if step := transit - r.transit; step < float64(r.rate) && step > -float64(r.rate) {
				r.jitter += (max(step, -step) - r.jitter) / 16
			}
		}
		r.transit, r.hasTransit = transit, true
	}
}

// restored notes that a packet came after all.
func (r *reception) restored(seq uint16) {
	for i := range r.missing {
		if r.missing[i].seq == seq {
			r.missing = append(r.missing[:i], r.missing[i+1:]...)
			return
		}
	}
}

// lack notes that the packets from first up to, not with, end are missing.
func (r *reception) lack(first, end uint16, now time.Time) {
	n := int(end - first)
	if n > maxMissing {
		r.missing = r.missing[:0]
		return
	}
	if over := len(r.missing) + n - maxMissing; over > 0 {
		r.missing = append(r.missing[:0], r.missing[over:]...)
	}
	for seq := first; seq != end; seq++ {
		r.missing = append(r.missing, missing{seq: seq, next: now.Add(nackDelay), since: now})
	}
}

// due appends the numbers that are to be asked for now.
func (r *reception) due(list []uint16, now time.Time) []uint16 {
	keep := r.missing[:0]
	for _, m := range r.missing {
		if m.tries >= maxNacks || now.Sub(m.since) > nackPatience {
			continue
		}
		if !now.Before(m.next) {
			m.tries++
			m.next = now.Add(nackInterval * time.Duration(m.tries))
			list = append(list, m.seq)
		}
		keep = append(keep, m)
	}
	r.missing = keep
	return list
}

// sender notes a sender report (RFC 3550 §6.4.1).
func (r *reception) sender(ntp uint64, now time.Time) {
	r.reportNTP, r.reportAt = uint32(ntp>>16), now
}

// report is what to tell the sender of the time since the last one.
func (r *reception) report(ssrc uint32, now time.Time) rtcp.ReceptionReport {
	expected := r.highest - r.base + 1
	lost := int64(expected) - int64(r.got)
	rep := rtcp.ReceptionReport{
		SSRC: ssrc, LastSequenceNumber: r.highest, Jitter: uint32(r.jitter),
		TotalLost: uint32(min(max(lost, 0), 1<<23-1)),
	}
	period, got := expected-r.wasExpected, r.got-r.wasGot
	if period > got && period < 1<<24 {
		rep.FractionLost = uint8((period - got) * 256 / period)
	}
	r.wasExpected, r.wasGot = expected, r.got
	if !r.reportAt.IsZero() {
		rep.LastSenderReport = r.reportNTP
		rep.Delay = uint32(now.Sub(r.reportAt).Seconds() * 65536)
	}
	return rep
}

// nackPairs packs sequence numbers as RFC 4585 §6.2.1 has them.
func nackPairs(seqs []uint16) []rtcp.NackPair { return rtcp.NackPairsFromSequenceNumbers(seqs) }
