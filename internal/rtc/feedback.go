package rtc

import (
	"time"

	"github.com/pion/rtcp"
)

// feedback answers what the receiver says.
func (s *Subscriber) feedback(packets []rtcp.Packet, now time.Time) {
	resent := false
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			if sl := s.slotOf(p.MediaSSRC); sl != nil {
				for _, pair := range p.Nacks {
					pair.Range(func(seq uint16) bool {
						resent = sl.out.Resend(seq, now) || resent
						return true
					})
				}
			}
		case *rtcp.PictureLossIndication:
			if sl := s.slotOf(p.MediaSSRC); sl != nil {
				sl.out.RequestKeyframe()
			}
		case *rtcp.FullIntraRequest:
			for _, f := range p.FIR {
				if sl := s.slotOf(f.SSRC); sl != nil {
					sl.out.RequestKeyframe()
				}
			}
		case *rtcp.ReceiverReport:
			s.reports(p.Reports, now)
		case *rtcp.SenderReport:
			s.reports(p.Reports, now)
		case *rtcp.TransportLayerCC:
			was := s.estimator.Target()
			s.estimator.Feedback(p, now)
			if s.estimator.Target() < was {
				s.due.Store(true)
			}
		}
	}
	if resent {
		s.media.flush()
	}
}

func (s *Subscriber) reports(list []rtcp.ReceptionReport, now time.Time) {
	loss, known := 0.0, false
	for _, r := range list {
		if sl := s.slotOf(r.SSRC); sl != nil {
			sl.out.HandleReport(r, now)
			loss, known = max(loss, float64(r.FractionLost)/256), true
		}
	}
	if known {
		s.estimator.Loss(loss, now)
	}
}

// slotOf finds the m-line that sends under an SSRC, or nil.
func (s *Subscriber) slotOf(ssrc uint32) *slot {
	if list := s.bound.Load(); list != nil {
		return (*list)[ssrc]
	}
	return nil
}

// bind notes under which SSRC an m-line sends.
func (s *Subscriber) bind(ssrc uint32, sl *slot) {
	s.boundMu.Lock()
	defer s.boundMu.Unlock()
	next := map[uint32]*slot{ssrc: sl}
	if old := s.bound.Load(); old != nil {
		for k, v := range *old {
			if k != ssrc {
				next[k] = v
			}
		}
	}
	s.bound.Store(&next)
}
