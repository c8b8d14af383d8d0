// Package signal is the signalling of browsers: one WebSocket each, protobuf
// messages (proto/umbrella/v1/signal.proto), and a session that outlives its
// socket.
package signal

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/access"
	"umbrella/internal/bound"
	"umbrella/internal/names"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Subprotocol of the WebSocket.
const Subprotocol = "umbrella.signal.v1"

// Server takes the WebSockets of browsers. Set the fields, Start, and Close.
type Server struct {
	SFU *sfu.SFU
	// Engine makes new connections; those that are there keep theirs.
	Engine func() *rtc.Engine
	// Admit says whether whoever sent the request may join a room, and what to do
	// there. Refusal knows how to tell its error.
	Admit func(r *http.Request, room string, c access.Credentials) (access.Grant, error)
	// AdmitModerator says whether whoever sent the request becomes a moderator by the
	// admin's password; nil: nobody does. MayAsk reports whether they may try.
	AdmitModerator func(r *http.Request, password string) error
	MayAsk         func(r *http.Request) bool
	// Invite makes an invitation that holds for so long; nil: nobody may.
	Invite func(c access.Claims, holds time.Duration) (token string, err error)
	// Offer says whether a client, as Grant.Client has it, may have one more offer or
	// ICE restart negotiated; nil: any number.
	Offer func(client netip.Prefix) error
	// Large is where messages of more than 16 KiB wait; nil: bounds of its own.
	Large *bound.Large
	// Refusal translates an error of Admit for the browser.
	Refusal func(error) umbrellav1.Error_Code
	// Address is where whoever sent a request is.
	Address func(*http.Request) string
	// IceServers are those that whoever sent the request may use from now on; nil:
	// none.
	IceServers func(*http.Request) []*umbrellav1.IceServer
	// ResumeTimeout is how long a session waits for a new socket; 0: 30 s.
	ResumeTimeout time.Duration
	Log           *slog.Logger

	mu       sync.Mutex
	closing  bool
	sessions map[string]*session

	// ctx ends the sessions, which say goodbye; then dropped ends the sockets.
	ctx, dropped context.Context
	stop, drop   context.CancelFunc
	running      sync.WaitGroup // sessions
	open         sync.WaitGroup // sockets
}

const (
	// firstMessageTimeout is how long a socket may say nothing at first.
	firstMessageTimeout = 10 * time.Second
	// idleTimeout without any message, pings included, ends a socket.
	idleTimeout = 40 * time.Second
	// maxShown is how much of a room's name is logged, in bytes: all that one may
	// have.
	maxShown = names.MaxBytes
	// resumeTimeout is the usual Server.ResumeTimeout.
	resumeTimeout = 30 * time.Second
	// emptyTimeout is how long one waits that never had a media connection: there
	// is nothing to come back to.
	emptyTimeout = 3 * time.Second
)

// Start makes the server ready.
func (s *Server) Start() {
	s.ResumeTimeout = cmp.Or(s.ResumeTimeout, resumeTimeout)
	s.sessions = map[string]*session{}
	if s.Large == nil {
		s.Large = bound.NewLarge()
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.dropped, s.drop = context.WithCancel(context.Background())
}

// Close says goodbye to everyone and ends their sessions.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.stop()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		s.drop()
		s.open.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.drop()
		return fmt.Errorf("closing sessions: %w", ctx.Err())
	}
}

// Connections of everyone who is here.
func (s *Server) Connections() map[*sfu.Participant]rtc.Connections {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[*sfu.Participant]rtc.Connections, len(s.sessions))
	for _, in := range s.sessions {
		all[in.participant] = in.connections()
	}
	return all
}

// ServeHTTP takes one WebSocket, which is of no other site's page, and serves it
// until it ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		http.Error(w, "the node is going down", http.StatusServiceUnavailable)
		return
	}
	s.open.Add(1)
	s.mu.Unlock()
	defer s.open.Done()
	sock := newSocket(s.Large)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:   []string{Subprotocol},
		OnPingReceived: sock.pinged,
		// The web server has looked, and knows of proxies.
		InsecureSkipVerify: true,
	})
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.CloseNow() }()
	if conn.Subprotocol() != Subprotocol {
		_ = conn.Close(websocket.StatusPolicyViolation, "the subprotocol is "+Subprotocol)
		return
	}
	sock.take(conn)
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	sock.caller = rtc.CallerOf(s.Address(r), r.RemoteAddr, local)
	sock.mayAsk = s.MayAsk != nil && s.MayAsk(r)
	if s.IceServers != nil {
		sock.iceServers = func() []*umbrellav1.IceServer { return s.IceServers(r) }
	}
	s.serve(sock, r)
}

// serve reads a socket until it ends. Its first message chooses a session.
func (s *Server) serve(sock *socket, r *http.Request) {
	var in *session
	defer func() {
		if in != nil {
			in.lost(sock)
		}
	}()
	for {
		timeout := idleTimeout
		if in == nil {
			timeout = firstMessageTimeout
		}
		ctx, cancel := context.WithTimeout(s.dropped, timeout)
		m, done, err := sock.read(ctx)
		cancel()
		switch {
		case errors.Is(err, errMalformed):
			sock.fail(umbrellav1.Error_CODE_BAD_REQUEST, err.Error())
			continue
		case errors.Is(err, errTooFast):
			sock.tooFast()
			return
		case errors.Is(err, errTooBad):
			s.pause()
			sock.fail(umbrellav1.Error_CODE_BAD_REQUEST, err.Error())
			sock.close(websocket.StatusPolicyViolation, errTooBad.Error())
			return
		case err != nil:
			sock.close(websocket.StatusPolicyViolation, "")
			return
		}
		if in != nil {
			select {
			case <-in.ended: // it left
				in = nil
				sock.admitted(nil)
			default:
			}
		}
		switch message := m.Message.(type) {
		case *umbrellav1.ClientMessage_Ping:
			sock.send(pong(message.Ping))
		case *umbrellav1.ClientMessage_Join:
			if in != nil {
				sock.fail(umbrellav1.Error_CODE_BAD_REQUEST, "this socket is in a room already")
				break
			}
			in = s.join(sock, r, message.Join)
			sock.admitted(in)
		case *umbrellav1.ClientMessage_Resume:
			if in != nil {
				sock.fail(umbrellav1.Error_CODE_BAD_REQUEST, "this socket is in a room already")
				break
			}
			in = s.resume(sock, message.Resume)
			sock.admitted(in)
		case *umbrellav1.ClientMessage_BecomeModerator:
			if in == nil {
				sock.fail(umbrellav1.Error_CODE_BAD_REQUEST, "join first")
				break
			}
			s.becomeModerator(sock, in, r, message.BecomeModerator.GetPassword())
		default:
			if in == nil {
				sock.fail(umbrellav1.Error_CODE_BAD_REQUEST, "join first")
				break
			}
			if !s.mayNegotiate(in, m) {
				done()
				sock.tooFast()
				return
			}
			in.receive(sock, m, done)
			continue
		}
		done()
	}
}

// pause keeps a socket on which too much came that cannot be understood from the next
// one, so that the same again costs the node next to nothing.
func (s *Server) pause() {
	select {
	case <-s.dropped.Done():
	case <-time.After(badPause):
	}
}

// mayNegotiate counts what a browser wants negotiated.
func (s *Server) mayNegotiate(in *session, m *umbrellav1.ClientMessage) bool {
	switch m.Message.(type) {
	case *umbrellav1.ClientMessage_PublishOffer, *umbrellav1.ClientMessage_RestartIce:
		return s.Offer == nil || s.Offer(in.grant.Client) == nil
	}
	return true
}

func (s *Server) join(sock *socket, r *http.Request, m *umbrellav1.Join) *session {
	grant, err := s.Admit(r, m.Room, access.Credentials{Password: m.Password, Token: m.Token, Seat: m.Seat})
	if err != nil {
		s.Log.Info("not let in", "room", bound.Text(m.Room, maxShown), "address", s.Address(r), "reason", err)
		sock.fail(s.Refusal(err), err.Error())
		return nil
	}
	in := newSession(s, m)
	in.grant = grant
	name := m.Name
	if grant.Name != "" {
		name = grant.Name
	}
	p, err := s.SFU.Join(sfu.Entry{
		Room: cmp.Or(grant.Room, m.Room), Name: name, Seat: m.Seat, Guest: grant.Guest(), Kind: sfu.Person, ViewOnly: m.ViewOnly || !grant.Publish,
		Address: s.Address(r), Observer: in.mail, Moderator: grant.Moderate, Client: grant.Client,
	})
	if err != nil {
		sock.fail(codeOf(err), err.Error())
		return nil
	}
	in.participant = p
	in.log = s.Log.With("room", p.Room().Name, "participant", p.ID)
	if !s.add(in) {
		p.Leave()
		sock.fail(umbrellav1.Error_CODE_UNAVAILABLE, "the node is going down")
		return nil
	}
	in.log.Info("joined", "name", p.Name, "address", s.Address(r), "view_only", p.ViewOnly)
	go func() {
		defer s.running.Done()
		in.run(sock)
		s.mu.Lock()
		delete(s.sessions, in.id)
		s.mu.Unlock()
		in.log.Info("left")
	}()
	return in
}

// add keeps a session in place of those of the same seat, and reports whether it may:
// not once the node is going down.
func (s *Server) add(in *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.replaceBy(in)
	s.sessions[in.id] = in
	s.running.Add(1)
	return true
}

// replaceBy ends the sessions that a browser had before, by its seat: those whose socket
// is gone, and those that publish while the new one does, or are of the same guest. The
// caller holds mu.
func (s *Server) replaceBy(in *session) {
	p := in.participant
	if p.Seat() == "" {
		return
	}
	for _, old := range s.sessions {
		o := old.participant
		if o.Seat() != p.Seat() || o.Guest() != p.Guest() || p.Guest() == "" && o.Room() != p.Room() {
			continue
		}
		old.replace(p.Guest() != "" || !p.ViewOnly && !o.ViewOnly)
	}
}

func codeOf(err error) umbrellav1.Error_Code {
	switch {
	case errors.Is(err, sfu.ErrLocked):
		return umbrellav1.Error_CODE_LOCKED
	case errors.Is(err, sfu.ErrGuestIsIn):
		return umbrellav1.Error_CODE_NEEDS_INVITATION
	case errors.Is(err, sfu.ErrAlikeRoom):
		return umbrellav1.Error_CODE_BAD_NAME
	case errors.Is(err, sfu.ErrTooManyRooms):
		return umbrellav1.Error_CODE_UNAVAILABLE
	case errors.Is(err, sfu.ErrTooManyOfOne), errors.Is(err, sfu.ErrRoomsOfOne):
		return umbrellav1.Error_CODE_TRY_LATER
	case errors.Is(err, sfu.ErrRoomFull):
		return umbrellav1.Error_CODE_ROOM_FULL
	case errors.Is(err, sfu.ErrBadName):
		return umbrellav1.Error_CODE_BAD_NAME
	case errors.Is(err, sfu.ErrClosed):
		return umbrellav1.Error_CODE_UNAVAILABLE
	}
	return umbrellav1.Error_CODE_BAD_REQUEST
}

func (s *Server) resume(sock *socket, m *umbrellav1.Resume) *session {
	s.mu.Lock()
	in := s.sessions[m.SessionId]
	s.mu.Unlock()
	if in == nil || subtle.ConstantTimeCompare([]byte(in.secret), []byte(m.SessionSecret)) != 1 || !in.attach(sock) {
		sock.fail(umbrellav1.Error_CODE_SESSION_UNKNOWN, "this session has ended")
		return nil
	}
	return in
}

func pong(p *umbrellav1.Ping) *umbrellav1.ServerMessage {
	return &umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_Pong{
		Pong: &umbrellav1.Pong{Number: p.GetNumber()},
	}}
}
