package forward

import (
	"time"

	"github.com/pion/rtcp"
)

// SenderReport is the report (RFC 3550 §6.4.1) that relates the stream's
// timestamps to our wall clock. ok is false while the stream is silent, or
// before the publisher sent a report of its own.
func (s *Stream) SenderReport(now time.Time) (report *rtcp.SenderReport, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.playing == nil || !s.rewriter.begun || s.cfg.Sender == nil {
		return nil, false
	}
	ts, ok := s.playing.timestampAt(now)
	if !ok {
		return nil, false
	}
	return &rtcp.SenderReport{
		SSRC:        s.cfg.SSRC,
		NTPTime:     toNTP(now),
		RTPTime:     ts + s.rewriter.tsDelta,
		PacketCount: uint32(s.stats.Packets),
		OctetCount:  s.octets,
	}, true
}

// HandleReport takes what the receiver reports of the stream.
func (s *Stream) HandleReport(r rtcp.ReceptionReport, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.SSRC != s.cfg.SSRC {
		return
	}
	s.stats.Loss = float64(r.FractionLost) / 256
	if rate := s.rewriter.clockRate; rate > 0 {
		s.stats.Jitter = time.Duration(float64(r.Jitter) / float64(rate) * float64(time.Second))
	}
	if r.LastSenderReport == 0 {
		return
	}
	// RFC 3550 §6.4.1: in units of 1/65536 s, on our own clock.
	trip := uint32(toNTP(now)>>16) - r.LastSenderReport - r.Delay
	if d := time.Duration(trip) * time.Second >> 16; d < time.Minute {
		s.stats.RoundTrip = d
	}
}

// LossBetween is the share of packets lost on the way in between two readings
// of a layer's statistics, 0 to 1.
func LossBetween(was, is LayerStats) float64 {
	expected := is.Expected - min(was.Expected, is.Expected)
	got := is.Packets - min(was.Packets, is.Packets)
	if expected == 0 || got >= expected {
		return 0
	}
	return float64(expected-got) / float64(expected)
}
