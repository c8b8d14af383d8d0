// Package whip lets programs publish with WHIP (RFC 9725) and watch with WHEP
// (draft-ietf-wish-whep): one HTTP request with an offer, one answer.
package whip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/bound"
	"umbrella/internal/names"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Server serves WHIP below /whip/ and WHEP below /whep/. Set the fields, Start,
// and Close.
type Server struct {
	SFU *sfu.SFU
	// Engine makes new connections; those that are there keep theirs.
	Engine func() *rtc.Engine
	// Admit says whether whoever sent the request may join a room, and what to do
	// there. The credentials are the request's bearer token: a token, or a password.
	Admit func(r *http.Request, room string, c access.Credentials) (access.Grant, error)
	// Offer says whether a client, as Grant.Client has it, may have one more ICE restart
	// negotiated; nil: any number.
	Offer func(client netip.Prefix) error
	// Large is where bodies of more than 16 KiB wait; nil: bounds of its own.
	Large *bound.Large
	// Status gives the HTTP status for an error of Admit: 401, 403, 404, or 503
	// for what passes.
	Status func(error) int
	// Address is where whoever sent a request is.
	Address func(*http.Request) string
	// IceServers are those that whoever sent the request, and was let in, may use; nil:
	// none.
	IceServers func(*http.Request) []*umbrellav1.IceServer
	// CheckOrigin refuses a request from another site's page.
	CheckOrigin func(*http.Request) error
	// AllowOrigin reports whether pages of an origin may nevertheless come; nil: none.
	AllowOrigin func(origin string) bool
	Log         *slog.Logger

	mux *http.ServeMux

	mu       sync.Mutex
	closing  bool
	sessions map[string]*session
	owned    sync.WaitGroup
}

const (
	sdpType  = "application/sdp"
	fragType = "application/trickle-ice-sdpfrag"
	// maxBody bounds a request's body, in bytes.
	maxBody = 64 << 10
	// maxShown is how much of a path is logged, in bytes: all that a good one has.
	maxShown = 160
)

// Start makes the server ready.
func (s *Server) Start() {
	s.sessions = map[string]*session{}
	if s.Large == nil {
		s.Large = bound.NewLarge()
	}
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST /whip/{room}", s.publish)
	s.mux.HandleFunc("POST /whep/{room}", s.watch)
	s.mux.HandleFunc("POST /whep/{room}/{participant}", s.watch)
	for _, path := range []string{"/whip/session/{id}", "/whep/session/{id}"} {
		s.mux.HandleFunc("DELETE "+path, s.remove)
		s.mux.HandleFunc("PATCH "+path, s.patch)
	}
	for _, path := range []string{"/whip/{room}", "/whep/{room}", "/whep/{room}/{participant}"} {
		s.mux.HandleFunc("OPTIONS "+path, options)
	}
}

// ServeHTTP implements http.Handler; the prefix is stripped already.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.CheckOrigin(r); err != nil {
		if r = s.crossOrigin(w, r, err); r == nil {
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// Close ends all sessions.
func (s *Server) Close(ctx context.Context) error {
	s.shut()
	done := make(chan struct{})
	go func() {
		s.owned.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing WHIP sessions: %w", ctx.Err())
	}
}

// shut lets nobody in any more and has all sessions end.
func (s *Server) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for _, in := range s.sessions {
		in.end()
	}
}

// Connections of everyone who is here.
func (s *Server) Connections() map[*sfu.Participant]rtc.Connections {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[*sfu.Participant]rtc.Connections, len(s.sessions))
	for _, in := range s.sessions {
		all[in.participant] = rtc.Connections{Publish: in.pub, Subscribe: in.sub}
	}
	return all
}

// options tells what can be posted (RFC 9725 §4.1).
func options(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Accept-Post", sdpType)
	w.WriteHeader(http.StatusNoContent)
}

// admit lets a request into a room to do what may says, or answers it.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, room string, may func(access.Grant) bool) (access.Grant, bool) {
	grant, err := s.Admit(r, room, access.BearerOf(r))
	if err == nil && !may(grant) {
		err = access.ErrNotAllowed
	}
	if err == nil && !grant.Proven && needsProof(r) {
		err = fmt.Errorf("%w: %w", access.ErrOrigin, errUnproven)
	}
	if err == nil {
		return grant, true
	}
	s.Log.Info("not let in", "path", bound.Text(r.URL.Path, maxShown), "address", s.Address(r), "reason", err)
	access.Refuse(w, err, s.Status(err))
	return access.Grant{}, false
}

// body reads a request's body of the wanted type, or answers it. done is to be called
// once the body is worked off.
func (s *Server) body(w http.ResponseWriter, r *http.Request, client netip.Prefix, want string) (text string, done func(), ok bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != want {
		w.Header().Set("Accept-Post", sdpType)
		http.Error(w, "the Content-Type is to be "+want, http.StatusUnsupportedMediaType)
		return "", nil, false
	}
	cut := func() { _ = http.NewResponseController(w).SetReadDeadline(time.Now()) }
	b, done, err := s.Large.Read(r.Context(), client, http.MaxBytesReader(w, r.Body, maxBody), cut)
	if err != nil {
		done()
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(w, fmt.Sprintf("the body is larger than %d bytes", maxBody), http.StatusRequestEntityTooLarge)
		return "", nil, false
	}
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return "", nil, false
	}
	return string(b), done, true
}

// publish answers POST /whip/ROOM.
func (s *Server) publish(w http.ResponseWriter, r *http.Request) {
	room := r.PathValue("room")
	grant, ok := s.admit(w, r, room, func(g access.Grant) bool { return g.Publish })
	if !ok {
		return
	}
	offer, done, ok := s.body(w, r, grant.Client, sdpType)
	if !ok {
		return
	}
	defer done()
	name := ""
	if given := r.URL.Query().Get("name"); given != "" {
		var ok bool
		if name, ok = streamName(given); !ok {
			http.Error(w, "a name has 1 to 64 letters and digits of any script, '-', '_' or '.', and no spaces", http.StatusBadRequest)
			return
		}
	}
	in := s.newSession(r, grant.Client)
	id := ""
	if name != "" {
		id = sfu.StreamID(name)
	}
	room = cmp.Or(grant.Room, room)
	entry := sfu.Entry{Room: room, ID: id, Guest: grant.Guest(), Name: cmp.Or(grant.Name, name, "Stream"), Kind: sfu.Stream, Address: s.Address(r), Moderator: grant.Moderate, Client: grant.Client}
	answer, err := in.publish(entry, offer)
	if errors.Is(err, sfu.ErrTaken) && s.replace(r.Context(), room, id) {
		answer, err = in.publish(entry, offer)
	}
	s.answer(w, r, "whip", in, answer, err)
}

// watch answers POST /whep/ROOM and POST /whep/ROOM/PARTICIPANT.
func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	room := r.PathValue("room")
	grant, ok := s.admit(w, r, room, func(g access.Grant) bool { return g.Subscribe })
	if !ok {
		return
	}
	offer, done, ok := s.body(w, r, grant.Client, sdpType)
	if !ok {
		return
	}
	defer done()
	room = cmp.Or(grant.Room, room)
	var whom *sfu.Participant
	asked := r.PathValue("participant")
	if asked != "" {
		if open := s.SFU.Room(room); open != nil {
			whom = open.Find(asked)
		}
		if whom == nil {
			http.Error(w, fmt.Sprintf("nobody called %q is in the room", bound.Text(asked, maxShown)), http.StatusNotFound)
			return
		}
	}
	name := cmp.Or(grant.Name, r.URL.Query().Get("name"), "Player")
	in := s.newSession(r, grant.Client)
	answer, err := in.watch(sfu.Entry{
		Room: room, Name: name, Guest: grant.Guest(), Kind: sfu.Stream, ViewOnly: true, Address: s.Address(r), Observer: in,
		Moderator: grant.Moderate, Client: grant.Client,
	}, whom, asked, offer)
	s.answer(w, r, "whep", in, answer, err)
}

// answer keeps a session that came about, and sends its answer.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, protocol string, in *session, answer string, err error) {
	if err == nil {
		err = s.keep(in)
	}
	if err != nil {
		in.close()
		status := http.StatusBadRequest
		switch {
		case errors.Is(err, sfu.ErrLocked), errors.Is(err, sfu.ErrGuestIsIn):
			status = http.StatusForbidden
		case errors.Is(err, sfu.ErrRoomFull), errors.Is(err, sfu.ErrTooManyRooms), errors.Is(err, sfu.ErrTracksOfRoom), errors.Is(err, sfu.ErrClosed):
			status = http.StatusServiceUnavailable
			w.Header().Set("Retry-After", "5")
		case errors.Is(err, sfu.ErrTooManyOfOne), errors.Is(err, sfu.ErrRoomsOfOne):
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", "5")
		case errors.Is(err, sfu.ErrAlikeRoom):
			status = http.StatusNotFound
		case errors.Is(err, sfu.ErrTaken):
			status = http.StatusConflict
		case errors.Is(err, rtc.ErrUnacceptable):
			status = http.StatusNotAcceptable
		case errors.Is(err, rtc.ErrTooLarge), errors.Is(err, rtc.ErrTooMany), errors.Is(err, sfu.ErrTracksOfOne):
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), status)
		return
	}
	in.log.Info("joined", "protocol", protocol, "name", in.participant.Name, "address", in.participant.Address)
	h := w.Header()
	h.Set("Content-Type", sdpType)
	h.Set("Location", prefix(r)+"/"+protocol+"/session/"+in.id)
	h.Set("ETag", in.etag(answer))
	h.Set("Accept-Patch", fragType)
	if s.IceServers != nil {
		for _, server := range s.IceServers(r) {
			link(h, server)
		}
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

// link tells a client of an ICE server (RFC 9725 §4.6).
func link(h http.Header, server *umbrellav1.IceServer) {
	for _, url := range server.Urls {
		value := fmt.Sprintf(`<%s>; rel="ice-server"`, url)
		if server.Username != "" {
			value += fmt.Sprintf("; username=%q; credential=%q; credential-type=\"password\"", server.Username, server.Credential)
		}
		h.Add("Link", value)
	}
}

// prefix is what was stripped from the request's path before it came here.
func prefix(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	before, ok := strings.CutSuffix(path, r.URL.EscapedPath())
	if !ok {
		return ""
	}
	return before
}

// keep runs a session until it ends.
func (s *Server) keep(in *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return sfu.ErrClosed
	}
	s.sessions[in.id] = in
	s.owned.Go(func() {
		in.run()
		s.mu.Lock()
		delete(s.sessions, in.id)
		s.mu.Unlock()
		in.close()
		in.log.Info("left")
		close(in.gone)
	})
	return nil
}

func (s *Server) find(w http.ResponseWriter, r *http.Request) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.sessions[r.PathValue("id")]
	if in == nil {
		http.Error(w, "this session has ended", http.StatusNotFound)
	}
	return in
}

// remove answers DELETE: the client leaves.
func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	if in := s.find(w, r); in != nil {
		in.end()
		w.WriteHeader(http.StatusOK)
	}
}

// maxStreamName bounds the name that a program gives, in bytes: it is part of an id.
const maxStreamName = 128

// streamName returns the one spelling of the name that a program gives: it stands in
// paths, as a room's does.
func streamName(given string) (name string, ok bool) {
	name, err := names.Room(given)
	return name, err == nil && len(name) <= maxStreamName
}
