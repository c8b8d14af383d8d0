package forward

import (
	"time"

	"umbrella/internal/clock"
)

// Resend answers a NACK (RFC 4585 §6.2.1) for one sequence number from the
// layer's history. It returns how many bytes left: none when the packet is no
// longer there, or was asked for too often. The caller flushes.
func (s *Stream) Resend(seq uint16, now time.Time) (size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Nacks++
	if s.paused || s.cfg.Sender == nil || len(s.sent) == 0 {
		return 0
	}
	s.cfg.Totals.Nacks.Add(1)
	e := &s.sent[int(seq)&(len(s.sent)-1)]
	if e.layer == 0 || e.out != seq || e.resent >= maxResends {
		return 0
	}
	// What another layer sent before the switch is of no use after its keyframe.
	if s.playing != nil && s.layers[e.layer-1] != s.playing {
		return 0
	}
	ms := uint32(clock.Milli(now))
	wait := min(max(s.stats.RoundTrip, leastResend)<<e.resent, mostResend)
	if e.resent > 0 && time.Duration(ms-e.again)*time.Millisecond < wait/2 {
		return 0
	}
	e.resent, e.again = e.resent+1, ms
	return s.repeat(e, now)
}

// repeat sends once more what e stood for, and returns how many bytes that were.
func (s *Stream) repeat(e *sentPacket, now time.Time) (size int) {
	l := s.layers[e.layer-1]
	var p Packet
	var ok bool
	if s.again, ok = l.recall(e.in, &p, s.again[:0]); !ok {
		return 0
	}
	// RFC 4588 §4: the original number stands before the payload.
	s.scratch = append(s.scratch[:0], byte(e.out>>8), byte(e.out))
	payload := s.renumber(l, &p, e, p.Payload)
	h := s.head(l, &p, e, now)
	if s.cfg.RTXSSRC == 0 || s.types.RTX == 0 {
		h.PayloadType, h.SSRC, h.SequenceNumber = s.types.Media, s.cfg.SSRC, e.out
	} else {
		if len(s.scratch) == 2 { // it is not there yet
			s.scratch = append(s.scratch, payload...)
		}
		payload = s.scratch
		s.rtxSeq++
		h.PayloadType, h.SSRC, h.SequenceNumber = s.types.RTX, s.cfg.RTXSSRC, s.rtxSeq
	}
	s.stats.Retransmissions++
	s.cfg.Totals.Retransmissions.Add(1)
	size = h.MarshalSize() + len(payload)
	s.transmit(h, payload, size, now)
	return size
}

// Probe sends packets that left before once more, by RTX, as far as size bytes
// go: congestion control sees by them what the path carries, and the receiver
// drops them. It returns how many bytes left; none where there is no RTX. The
// caller flushes.
func (s *Stream) Probe(size int, now time.Time) (sent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused || s.cfg.Sender == nil || s.playing == nil || s.cfg.RTXSSRC == 0 || s.types.RTX == 0 {
		return 0
	}
	seq := s.rewriter.lastOutSeq
	for back := 0; sent < size && back < len(s.sent)/2; back++ {
		e := &s.sent[int(seq)&(len(s.sent)-1)]
		if e.layer > 0 && e.out == seq {
			sent += s.repeat(e, now)
		}
		seq--
	}
	return sent
}
