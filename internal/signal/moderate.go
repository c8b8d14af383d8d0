package signal

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/bound"
	"umbrella/internal/clock"
	"umbrella/internal/config"
	"umbrella/internal/password"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// moderate does what a moderator asks.
func (s *session) moderate(m *umbrellav1.Moderate) {
	if !s.participant.Moderator() {
		s.fail(umbrellav1.Error_CODE_FORBIDDEN, "this is for moderators")
		return
	}
	room := s.participant.Room()
	var err error
	switch a := m.Action.(type) {
	case *umbrellav1.Moderate_Mute:
		if sources := sfu.SourcesOf(a.Mute.Sources...); sources == 0 {
			err = errors.New("it is not said what is to be muted")
		} else {
			err = room.Mute(s.participant.ID, a.Mute.ParticipantId, sources)
		}
	case *umbrellav1.Moderate_Promote:
		err = room.SetModerator(a.Promote.ParticipantId, a.Promote.Moderator)
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
		_ = s.participant.Hushing()
		return
	}
	for _, mid := range s.pub.Hold(s.participant.Hushing()) {
		s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_Muted{Muted: &umbrellav1.Muted{Mid: mid}}})
	}
}

const (
	// invitationLife is how long an invitation holds that somebody makes in the call, and
	// leastInvitationLife how long it has to hold at least where its maker's own ends.
	invitationLife      = 24 * time.Hour
	leastInvitationLife = time.Minute
	// maxInvitations that one session makes.
	maxInvitations = 50
)

// mayInvite reports whether the session may make invitations: moderators may, in rooms
// that an invitation lets in to.
func (s *session) mayInvite() bool {
	return s.server.Invite != nil && s.participant.Moderator() && s.grant.Access != config.AccessLAN && s.grant.Access != config.AccessOpen
}

// invite makes an invitation with the rights that the one who asks has, to publish and to
// subscribe, that ends no later than their own.
func (s *session) invite() {
	if !s.mayInvite() {
		s.fail(umbrellav1.Error_CODE_FORBIDDEN, "only moderators of a room with a password or invitations make invitations")
		return
	}
	if s.invitations++; s.invitations > maxInvitations {
		s.fail(umbrellav1.Error_CODE_FORBIDDEN, fmt.Sprintf("you have made %d invitations in this call: send one of them to several people, or have an admin make more on /servers", maxInvitations))
		return
	}
	holds := invitationLife
	if !s.grant.Ends.IsZero() {
		holds = min(holds, time.Until(s.grant.Ends))
	}
	if holds < leastInvitationLife {
		s.fail(umbrellav1.Error_CODE_FORBIDDEN, "your own invitation has ended: an invitation that you make would end with it")
		return
	}
	claims := access.Claims{Room: s.participant.Room().Name, By: s.participant.Name + ", in the call", Parent: s.grant.Invitation}
	if s.grant.Publish {
		claims.Rights = append(claims.Rights, access.RightPublish)
	}
	if s.grant.Subscribe {
		claims.Rights = append(claims.Rights, access.RightSubscribe)
	}
	token, err := s.server.Invite(claims, holds)
	if err != nil {
		s.fail(umbrellav1.Error_CODE_UNAVAILABLE, err.Error())
		return
	}
	s.log.Info("an invitation was made", "rights", claims.Rights, "holds", holds)
	s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_Invited{
		Invited: &umbrellav1.Invited{Token: token, EndsAtMs: clock.Shown(time.Now().Add(holds), time.Now())},
	}})
}

// becomeModerator makes whoever is at the other end of a socket a moderator, if they know
// the admin's password.
func (s *Server) becomeModerator(sock *socket, in *session, r *http.Request, secret string) {
	if s.AdmitModerator == nil {
		sock.fail(umbrellav1.Error_CODE_FORBIDDEN, "this node makes no moderators by a password")
		return
	}
	err := s.AdmitModerator(r, secret)
	if err == nil {
		in.participant.BecomeModerator()
		in.log.Info("became a moderator by the admin's password", "address", s.Address(r))
		return
	}
	in.log.Warn("did not become a moderator", "address", s.Address(r), "reason", err)
	code := umbrellav1.Error_CODE_FORBIDDEN
	_, later := errors.AsType[*access.TryLaterError](err)
	switch {
	case errors.Is(err, access.ErrAdminPassword):
		code = umbrellav1.Error_CODE_WRONG_PASSWORD
	case later, errors.Is(err, password.ErrBusy):
		code = umbrellav1.Error_CODE_TRY_LATER
	}
	sock.fail(code, err.Error())
}

// roomAccess is who can come in by the address of a room alone, as a browser is told.
func roomAccess(a config.Access) umbrellav1.RoomAccess {
	switch a {
	case config.AccessLAN:
		return umbrellav1.RoomAccess_ROOM_ACCESS_LAN
	case config.AccessPassword:
		return umbrellav1.RoomAccess_ROOM_ACCESS_PASSWORD
	case config.AccessToken:
		return umbrellav1.RoomAccess_ROOM_ACCESS_INVITATION
	case config.AccessOpen:
		return umbrellav1.RoomAccess_ROOM_ACCESS_OPEN
	}
	return umbrellav1.RoomAccess_ROOM_ACCESS_UNSPECIFIED
}
