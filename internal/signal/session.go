package signal

import (
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/access"
	"umbrella/internal/clock"
	"umbrella/internal/crash"
	"umbrella/internal/forward"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// session is somebody with a browser. All of its state belongs to the
// goroutine that runs it; everyone else sends to its channels.
type session struct {
	id, secret  string
	server      *Server
	participant *sfu.Participant
	grant       access.Grant
	mail        *mailbox
	log         *slog.Logger

	inbox    chan received
	sockets  chan *socket // new ones
	losses   chan *socket
	replaced chan bool     // another session of the same browser is there; true: this one ends even if its socket lives
	states   chan struct{} // a connection is not what it was
	demands  chan struct{} // what others take is not what it was
	ended    chan struct{}

	socket *socket // nil while the browser is away
	view   view

	locked   bool            // what the browser was told
	receives map[string]bool // codecs, by lower-case MIME type
	settings map[string]setting
	pubID    string // of the browser's connection that publishes

	mu  sync.Mutex // for who looks from outside
	pub *rtc.Publisher
	sub *rtc.Subscriber

	offerID    uint32
	offer      *umbrellav1.SubscribeOffer // that waits for its answer
	restart    bool                       // ICE is to be restarted with the next offer
	wasMapped  bool
	leftOut    bool  // there was no m-line for some track
	refusal    error // of a track, as the browser was told
	layersWere map[*forward.Layer]forward.LayerStats
	leaving    bool

	invitations int  // that it made
	moderates   bool // as the browser was told
}

type received struct {
	from *socket
	m    *umbrellav1.ClientMessage
	done func()
}

// setting is what the browser said of a track.
type setting struct {
	paused        bool
	width, height int // of its tile in device pixels; 0 where it does not matter
	pinned        bool
}

const (
	// gatherTime is how long changes of a room are gathered before they are
	// told: a microphone and a camera come within one offer.
	gatherTime = 15 * time.Millisecond
	// qualityInterval is how often the quality of the connection is looked at.
	qualityInterval = time.Second
)

func newSession(s *Server, m *umbrellav1.Join) *session {
	in := &session{
		id: rand.Text(), secret: rand.Text(), server: s, mail: newMailbox(),
		inbox: make(chan received), sockets: make(chan *socket), losses: make(chan *socket), replaced: make(chan bool, 1),
		states: make(chan struct{}, 1), demands: make(chan struct{}, 1), ended: make(chan struct{}),
		receives: codecs(m.ReceiveCodecs), settings: map[string]setting{},
		layersWere: map[*forward.Layer]forward.LayerStats{},
	}
	return in
}

// codecs are those that a browser says it receives, by lower-case MIME type.
func codecs(list []string) map[string]bool {
	known := map[string]bool{}
	for _, c := range list {
		known[strings.ToLower(c)] = true
	}
	return known
}

// receive hands the session a message of one of its sockets. done is called once it
// is handled.
func (s *session) receive(from *socket, m *umbrellav1.ClientMessage, done func()) {
	select {
	case s.inbox <- received{from, m, done}:
	case <-s.ended:
		done()
	}
}

// attach gives the session a new socket; false when it has ended.
func (s *session) attach(sock *socket) bool {
	select {
	case s.sockets <- sock:
		return true
	case <-s.ended:
		return false
	}
}

// lost tells the session that a socket is gone.
func (s *session) lost(sock *socket) {
	select {
	case s.losses <- sock:
	case <-s.ended:
	}
}

// replace tells the session that its browser has joined anew. Its caller holds the
// server's mu.
func (s *session) replace(always bool) {
	select {
	case s.replaced <- always:
	default: // it has been told
	}
}

// run is the session's life.
func (s *session) run(first *socket) {
	defer close(s.ended)
	defer s.end()
	quality := time.NewTicker(qualityInterval)
	defer quality.Stop()
	var err error
	defer func() {
		if err != nil && s.socket != nil { // a panic: the browser joins anew
			s.socket.close(websocket.StatusInternalError, err.Error())
		}
	}()
	defer crash.Contain(crash.Signal, s.participant.ID, &err)
	var away, gathered <-chan time.Time
	s.greet(first, false)
	for !s.leaving {
		select {
		case r := <-s.inbox:
			if r.from == s.socket {
				s.handle(r.m)
			}
			r.done()
		case sock := <-s.sockets:
			if s.socket != nil {
				s.goodbye(umbrellav1.Goodbye_REASON_REPLACED, "the session goes on elsewhere")
			}
			away = nil
			s.log.Info("came back", "session", "resumed")
			s.greet(sock, true)
		case sock := <-s.losses:
			if sock == s.socket {
				s.socket = nil
				away = time.After(s.patience())
				s.measure()
			}
		case always := <-s.replaced:
			if always || s.socket == nil {
				s.goodbye(umbrellav1.Goodbye_REASON_REPLACED, "you have joined again from this browser")
				return
			}
		case <-s.mail.ring:
			if gathered == nil {
				gathered = time.After(gatherTime)
			}
		case <-gathered:
			gathered = nil
			s.tell()
		case <-s.states:
			s.measure()
		case <-s.demands:
			s.tellDemand()
		case <-quality.C:
			s.measure()
		case <-away:
			s.log.Info("did not come back")
			return
		case <-s.participant.Hushed():
			s.hush()
		case <-s.participant.Removed():
			s.goodbye(umbrellav1.Goodbye_REASON_REMOVED, "a moderator has removed you from the room")
			return
		case <-s.server.ctx.Done():
			s.goodbye(umbrellav1.Goodbye_REASON_SHUTDOWN, "the node stops or restarts")
			return
		}
	}
}

// patience is how long the session waits for its browser to come back.
func (s *session) patience() time.Duration {
	if s.pub == nil && s.sub == nil {
		return emptyTimeout
	}
	return s.server.ResumeTimeout
}

// end gives everything back.
func (s *session) end() {
	s.participant.Leave()
	if s.pub != nil {
		if err := s.pub.Close(); err != nil {
			s.log.Debug("closing", "connection", "publish", "error", err)
		}
	}
	if s.sub != nil {
		if err := s.sub.Close(); err != nil {
			s.log.Debug("closing", "connection", "subscribe", "error", err)
		}
	}
}

// connections for who looks from outside.
func (s *session) connections() rtc.Connections {
	s.mu.Lock()
	defer s.mu.Unlock()
	return rtc.Connections{Publish: s.pub, Subscribe: s.sub}
}

func (s *session) send(m *umbrellav1.ServerMessage) {
	if s.socket != nil {
		s.socket.send(m)
	}
}

func (s *session) fail(code umbrellav1.Error_Code, message string) {
	if s.socket != nil {
		s.socket.fail(code, message)
	}
}

func (s *session) goodbye(reason umbrellav1.Goodbye_Reason, message string) {
	if s.socket == nil {
		return
	}
	s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_Goodbye{
		Goodbye: &umbrellav1.Goodbye{Reason: reason, Message: message},
	}})
	s.socket.close(websocket.StatusGoingAway, message)
	s.socket = nil
}

func (s *session) state(webrtc.PeerConnectionState) {
	select {
	case s.states <- struct{}{}:
	default:
	}
}

func (s *session) demanded() {
	select {
	case s.demands <- struct{}{}:
	default:
	}
}

// greet tells a socket everything there is.
func (s *session) greet(sock *socket, resumed bool) {
	s.socket = sock
	s.locked, s.moderates = s.participant.Room().Locked(), s.participant.Moderator()
	states := s.look()
	s.view = view{}
	var all []*umbrellav1.Participant
	if u := s.view.update(states, s.participant.ID); u != nil {
		all = u.Participants
	}
	s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_Joined{Joined: &umbrellav1.Joined{
		SessionId: s.id, SessionSecret: s.secret, ParticipantId: s.participant.ID,
		Room: s.participant.Room().Name, Resumed: resumed, Participants: all,
		ResumeSeconds: uint32(s.server.ResumeTimeout / time.Second), IceServers: sock.servers(),
		Moderator: s.moderates, MaySubscribe: s.grant.Subscribe, Locked: s.locked,
		Access: roomAccess(s.grant.Access), MayBecomeModerator: sock.mayAsk,
		EarlierChat: s.earlierChat(),
	}}})
	s.wasMapped = false
	if s.offer != nil { // its answer may have been lost with the old socket
		s.send(subscribeOffer(s.offer))
	}
	s.tell()
	s.tellDemand()
	s.sendSpeakers(s.participant.Room().Speakers())
}

// earlierChat returns what was written before the session began, once: a browser that
// resumes it has read it. Somebody who may not see and hear the others gets none.
func (s *session) earlierChat() (list []*umbrellav1.ChatMessage) {
	for _, c := range s.participant.TakeEarlierChat() {
		if s.grant.Subscribe {
			list = append(list, chatMessage(c))
		}
	}
	return list
}

func (s *session) look() []sfu.State {
	participants := s.participant.Room().Participants()
	states := make([]sfu.State, len(participants))
	for i, p := range participants {
		states[i] = p.State()
	}
	return states
}

// tellRefusal tells the browser that one of its tracks has no place.
func (s *session) tellRefusal(states []sfu.State) {
	for _, st := range states {
		if st.Participant != s.participant || st.Refusal == s.refusal {
			continue
		}
		s.refusal = st.Refusal
		if st.Refusal != nil {
			s.log.Info("a track is not published", "reason", st.Refusal)
			s.fail(umbrellav1.Error_CODE_UNAVAILABLE, st.Refusal.Error())
		}
	}
}

// tell brings the browser up to date: who is there, what plays where, what was
// said.
func (s *session) tell() {
	states := s.look()
	if s.socket != nil {
		u := s.view.update(states, s.participant.ID)
		if locked := s.participant.Room().Locked(); locked != s.locked {
			if u == nil {
				u = &umbrellav1.RoomUpdate{}
			}
			s.locked, u.Locked = locked, &locked
		}
		if moderates := s.participant.Moderator(); moderates != s.moderates {
			if u == nil {
				u = &umbrellav1.RoomUpdate{}
			}
			s.moderates, u.Moderator = moderates, &moderates
		}
		if u != nil {
			s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_RoomUpdate{RoomUpdate: u}})
		}
		if q := s.view.qualities(states); len(q) > 0 {
			s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_ConnectionQualities{
				ConnectionQualities: &umbrellav1.ConnectionQualities{Qualities: q},
			}})
		}
		if speakers, changed := s.mail.takeSpeakers(); changed {
			s.sendSpeakers(speakers)
		}
		for _, t := range s.mail.takeTalks() {
			s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_TalkUpdate{
				TalkUpdate: &umbrellav1.TalkUpdate{ParticipantId: t.to, Live: t.Live, Problem: t.Problem},
			}})
		}
		s.tellRefusal(states)
		for _, c := range s.mail.takeChat() {
			s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_ChatMessage{ChatMessage: chatMessage(c)}})
		}
	}
	s.subscribe(states)
}

func (s *session) sendSpeakers(speakers []sfu.Speaker) {
	list := &umbrellav1.Speakers{}
	for _, sp := range speakers {
		list.Speakers = append(list.Speakers, &umbrellav1.Speaker{
			ParticipantId: sp.ParticipantID, Level: uint32(sp.Level),
		})
	}
	s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_Speakers{Speakers: list}})
}

func chatMessage(c sfu.ChatMessage) *umbrellav1.ChatMessage {
	now := time.Now()
	return &umbrellav1.ChatMessage{
		Id: c.ID, ParticipantId: c.ParticipantID, Name: c.Name, Text: c.Text,
		SentAtMs: clock.Shown(c.SentAt, now), AgeMs: max(now.Sub(c.SentAt).Milliseconds(), 1),
	}
}

// handle does what the browser asks.
func (s *session) handle(m *umbrellav1.ClientMessage) {
	switch m := m.Message.(type) {
	case *umbrellav1.ClientMessage_Leave:
		s.leaving = true
	case *umbrellav1.ClientMessage_PublishOffer:
		s.publish(m.PublishOffer)
	case *umbrellav1.ClientMessage_SubscribeAnswer:
		s.answered(m.SubscribeAnswer)
	case *umbrellav1.ClientMessage_SetMuted:
		if s.pub != nil {
			s.pub.SetMuted(m.SetMuted.Mid, m.SetMuted.Muted)
		}
	case *umbrellav1.ClientMessage_SetSubscriptions:
		s.set(m.SetSubscriptions)
	case *umbrellav1.ClientMessage_SendChat:
		if err := s.participant.Say(m.SendChat.Text); err != nil {
			s.fail(umbrellav1.Error_CODE_BAD_REQUEST, err.Error())
		}
	case *umbrellav1.ClientMessage_Invite:
		s.invite()
	case *umbrellav1.ClientMessage_Moderate:
		s.moderate(m.Moderate)
	case *umbrellav1.ClientMessage_RestartIce:
		s.restart = true
		s.subscribe(s.look())
	}
}
