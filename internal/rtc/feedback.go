package rtc

import (
	"time"

	"github.com/pion/rtcp"

	"umbrella/internal/forward"
)

// feedback answers what the receiver says.
func (s *Subscriber) feedback(packets []rtcp.Packet, now time.Time) {
	find := func(ssrc uint32) *forward.Stream {
		if sl := s.slotOf(ssrc); sl != nil {
			return &sl.out
		}
		return nil
	}
	s.media.feedback(packets, now, find, &s.path, (*forward.Stream).RequestKeyframe)
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
