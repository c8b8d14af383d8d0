package camera

import (
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// intake makes one stream of the packets of one payload type of a camera: in order,
// without duplicates, with numbers that go on. It knows what cameras do to their RTP
// sessions: SSRCs that change with each keyframe (Uniview, bluenviron/gortsplib#687)
// or after a sender report, and numbers that begin anew.
//
// It has no clock, and sets no timer: packets that are held for a missing one are
// handed on with the next that comes.
type intake struct {
	rate     float64 // of timestamps, in Hz
	ordered  bool    // packets come in order (TCP)
	handOn   func(*rtp.Packet)
	received reception

	begun    bool
	ssrc     uint32
	expected uint16    // number of the next packet, as the camera counts
	offset   uint16    // added to numbers, so that they go on
	strange  uint16    // the number after one that was far off
	odd      bool      // there was one
	last     time.Time // when the last packet came
	was      source    // that of the SSRC before
	foreign  source    // that which is no part of the stream
	held     []waiting // by their numbers
}

// source is one SSRC.
type source struct {
	known bool
	ssrc  uint32
	next  uint16
	left  time.Time // when it was left
}

// waiting is a packet that waits for one ahead of it.
type waiting struct {
	packet *rtp.Packet
	came   time.Time
}

const (
	// A packet is given up when so many have come since, or so much time has passed.
	// On the way from a camera in the house packets overtake few others.
	maxHeld      = 24
	maxOvertaken = 2 * maxHeld
	holdTime     = 40 * time.Millisecond
	// What is so far behind what is expected comes twice or late, or the numbers begin
	// anew; what is so far ahead is no loss either (RFC 3550 A.1).
	misorder = 100
	dropout  = 3000
	// takeOver is how long an SSRC has to be silent before one takes its place that
	// came beside it.
	takeOver = 2 * time.Second
)

// push handles the next packet. A packet that is kept longer than the call is copied.
func (in *intake) push(p *rtp.Packet, now time.Time) {
	if !in.begun {
		in.begun, in.ssrc, in.expected = true, p.SSRC, p.SequenceNumber
	}
	if p.SSRC != in.ssrc && !in.change(p, now) {
		return
	}
	in.received.count(p, now, in.rate)
	in.last = now
	ahead := int16(p.SequenceNumber - in.expected)
	switch {
	case ahead == 0:
		in.next(p)
	case in.ordered && ahead > 0 && ahead < dropout:
		in.expected = p.SequenceNumber // the camera itself left some out
		in.next(p)
	case ahead < 0 && ahead >= -misorder:
		return // late, or twice
	case ahead < 0 || ahead >= dropout:
		in.far(p)
	case ahead < maxOvertaken && in.keep(p, now):
	default:
		in.flush()
		in.skipTo(p)
	}
	in.drain(now)
}

// change handles a packet of another SSRC; it reports whether the packet belongs to
// the stream.
func (in *intake) change(p *rtp.Packet, now time.Time) bool {
	goesOn := p.SequenceNumber-in.expected < maxHeld
	switch {
	case goesOn:
	case in.foreign.known && in.foreign.ssrc == p.SSRC && now.Sub(in.last) < takeOver:
		return false
	case in.was.known && in.was.ssrc == p.SSRC && now.Sub(in.was.left) < takeOver && now.Sub(in.last) < takeOver:
		if int16(p.SequenceNumber-in.was.next) < 0 {
			return false // late
		}
		// Two at once: the one that was there first is the stream.
		in.foreign = source{known: true, ssrc: in.ssrc}
		in.was = source{}
		in.restart(p)
		return true
	default:
		in.was = source{known: true, ssrc: in.ssrc, next: in.expected, left: now}
		in.restart(p)
		return true
	}
	in.ssrc = p.SSRC
	in.received.ssrc = p.SSRC
	return true
}

// restart begins anew with a packet: one number is left out, as nobody knows what is
// missing.
func (in *intake) restart(p *rtp.Packet) {
	in.flush()
	in.offset += in.expected + 1 - p.SequenceNumber
	in.ssrc, in.expected, in.odd = p.SSRC, p.SequenceNumber, false
	in.received.begin(p.SSRC)
}

// far handles a packet whose number is far from what is expected. Two in a row are a
// new beginning; by TCP one is.
func (in *intake) far(p *rtp.Packet) {
	if !in.ordered && (!in.odd || p.SequenceNumber != in.strange) {
		in.odd, in.strange = true, p.SequenceNumber+1
		return
	}
	in.restart(p)
	in.next(p)
}

// next hands on the packet that is expected.
func (in *intake) next(p *rtp.Packet) {
	in.expected = p.SequenceNumber + 1
	in.odd = false
	p.SequenceNumber += in.offset
	in.handOn(p)
}

// keep holds a packet, if it is near enough.
func (in *intake) keep(p *rtp.Packet, now time.Time) bool {
	at := len(in.held)
	for i, w := range in.held {
		switch d := int16(p.SequenceNumber - w.packet.SequenceNumber); {
		case d == 0:
			return true // twice
		case d < 0 && at == len(in.held):
			at = i
		}
	}
	if len(in.held) >= maxHeld {
		return false
	}
	q := &rtp.Packet{Header: p.Header, Payload: append([]byte(nil), p.Payload...)}
	in.held = append(in.held, waiting{})
	copy(in.held[at+1:], in.held[at:])
	in.held[at] = waiting{packet: q, came: now}
	return true
}

// drain hands on what is held and has its turn, or has waited too long.
func (in *intake) drain(now time.Time) {
	for len(in.held) > 0 {
		w := in.held[0]
		if w.packet.SequenceNumber != in.expected && len(in.held) < maxHeld && now.Sub(in.oldest()) < holdTime {
			return
		}
		in.held = in.held[:copy(in.held, in.held[1:])]
		in.skipTo(w.packet)
	}
}

func (in *intake) oldest() time.Time {
	at := in.held[0].came
	for _, w := range in.held[1:] {
		if w.came.Before(at) {
			at = w.came
		}
	}
	return at
}

// flush hands on all that is held.
func (in *intake) flush() {
	for _, w := range in.held {
		in.skipTo(w.packet)
	}
	in.held = in.held[:0]
}

// skipTo hands on a packet, and gives up what is missing ahead of it.
func (in *intake) skipTo(p *rtp.Packet) {
	if int16(p.SequenceNumber-in.expected) < 0 {
		return
	}
	in.expected = p.SequenceNumber
	in.next(p)
}

// disguise hides from the RTSP library what it does not bear: it drops all packets of
// another SSRC than the first. It asks each format of a packet once, ahead of all else
// that it does with the packet.
type disguise struct {
	format.Format
	number uint16
	packet rtp.Header // as it came
}

// PTSEqualsDTS implements format.Format. What it returns is of use for nothing here.
func (d *disguise) PTSEqualsDTS(p *rtp.Packet) bool {
	d.packet = p.Header
	d.number++
	p.SSRC, p.SequenceNumber = 0, d.number
	return false
}

// undo gives a packet that the library hands on what came with it.
func (d *disguise) undo(p *rtp.Packet) {
	p.SSRC, p.SequenceNumber = d.packet.SSRC, d.packet.SequenceNumber
}

// reception counts what is told to cameras of their packets (RFC 3550 §6.4.1).
type reception struct {
	mu      sync.Mutex
	known   bool
	ssrc    uint32
	first   uint32 // number, with the wraps
	highest uint32
	came    uint32
	was     struct{ expected, came uint32 } // at the last report
	jitter  float64                         // in ticks
	transit float64
	sender  uint32 // the middle of the NTP time of the last sender report
	at      time.Time
}

func (r *reception) begin(ssrc uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known, r.ssrc = false, ssrc
}

func (r *reception) count(p *rtp.Packet, now time.Time, rate float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	transit := float64(now.Sub(started))/float64(time.Second)*rate - float64(p.Timestamp)
	if !r.known {
		r.known, r.ssrc, r.came, r.jitter, r.transit = true, p.SSRC, 0, 0, transit
		r.first, r.highest = uint32(p.SequenceNumber), uint32(p.SequenceNumber)
		r.was.expected, r.was.came = 0, 0
	}
	if ahead := int16(p.SequenceNumber - uint16(r.highest)); ahead > 0 {
		r.highest += uint32(ahead)
	}
	r.came++
	if d := max(transit-r.transit, r.transit-transit); d < rate*10 {
		r.jitter += (d - r.jitter) / 16
	}
	r.transit = transit
}

// reported notes a sender report.
func (r *reception) reported(sr *rtcp.SenderReport, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sender, r.at = uint32(sr.NTPTime>>16), now
}

// report is what is told to the camera; ok is false before the first packet.
func (r *reception) report(now time.Time) (is rtcp.ReceptionReport, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		return is, false
	}
	expected := r.highest - r.first + 1
	lost := int64(expected) - int64(r.came)
	is = rtcp.ReceptionReport{
		SSRC: r.ssrc, TotalLost: uint32(min(max(lost, 0), 0x7fffff)), LastSequenceNumber: r.highest, Jitter: uint32(r.jitter),
	}
	if e, c := expected-r.was.expected, r.came-r.was.came; e > c && e > 0 {
		is.FractionLost = uint8(min(uint64(e-c)<<8/uint64(e), 255))
	}
	r.was.expected, r.was.came = expected, r.came
	if !r.at.IsZero() {
		is.LastSenderReport, is.Delay = r.sender, uint32(now.Sub(r.at).Seconds()*65536)
	}
	return is, true
}
