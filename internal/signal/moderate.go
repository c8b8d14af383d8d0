package signal

import (
	"errors"

	"umbrella/internal/bound"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// moderate does what a moderator asks.
func (s *session) moderate(m *umbrellav1.Moderate) {
	if !s.grant.Moderate {
		s.fail(umbrellav1.Error_CODE_FORBIDDEN, "this is for moderators")
		return
	}
	room := s.participant.Room()
	var err error
	switch a := m.Action.(type) {
	case *umbrellav1.Moderate_Mute:
		err = room.Mute(a.Mute)
	case *umbrellav1.Moderate_Remove:
		err = room.RemoveParticipant(a.Remove)
	case *umbrellav1.Moderate_Lock:
		room.SetLocked(a.Lock)
	default:
		err = errors.New("this node does not know what is asked of it")
	}
	if err != nil {
		s.fail(umbrellav1.Error_CODE_BAD_REQUEST, err.Error())
		return
	}
	s.log.Info("moderated", "action", bound.Text(m.String(), maxShown))
}

// hush mutes what the browser publishes, as a moderator wishes, and tells it.
func (s *session) hush() {
	if s.pub == nil {
		return
	}
	for _, mid := range s.pub.Hold() {
		s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_Muted{Muted: &umbrellav1.Muted{Mid: mid}}})
	}
}
