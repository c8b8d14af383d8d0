package whip

import (
	"context"
	"time"

	"umbrella/internal/sfu"
)

// silentAfter is how long nothing may have come from a publisher that somebody else
// replaces under its name. Programs that send pictures or sound send several packets
// in that time, reports included; one that was killed, and is started again by its
// supervisor, is replaced at once.
const silentAfter = time.Second

// replace ends the session that publishes under an id if it is silent, and reports
// whether it is gone. It waits as long as that takes to know.
func (s *Server) replace(ctx context.Context, room, id string) bool {
	old := s.publisher(room, id)
	if old == nil {
		return false
	}
	heard := old.heard()
	wait := time.NewTimer(silentAfter - time.Since(heard))
	defer wait.Stop()
	look := time.NewTicker(silentAfter / 20)
	defer look.Stop()
	for silent := false; !silent; {
		select {
		case <-ctx.Done():
			return false
		case <-old.gone:
			return true
		case <-look.C:
			if old.heard().After(heard) {
				return false
			}
		case <-wait.C:
			silent = true
		}
	}
	old.log.Info("is silent, and replaced by another publisher of that name")
	old.end()
	select {
	case <-ctx.Done():
		return false
	case <-old.gone:
		return true
	}
}

// publisher is the session that publishes in a room under an id, or nil.
func (s *Server) publisher(room, id string) *session {
	open := s.SFU.Room(room)
	if open == nil {
		return nil
	}
	p := open.Participant(id)
	if p == nil || p.Kind != sfu.Stream {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.sessions {
		if in.participant == p && in.pub != nil {
			return in
		}
	}
	return nil
}

// heard is when something last came from a publisher, or when it was let in.
func (s *session) heard() time.Time {
	if at := s.pub.Heard(); at.After(s.since) {
		return at
	}
	return s.since
}
