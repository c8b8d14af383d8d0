package camera

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"

	"umbrella/internal/bound"
	"umbrella/internal/camera/rtsp"
	"umbrella/internal/credential"
)

// session is one RTSP connection to a camera. It is made by dial.
type session struct {
	client *gortsplib.Client
	repair *repairer
	url    *base.URL // as it was asked for
	desc   *description.Session

	ended   chan struct{} // closed when the connection is gone; err tells why
	err     error
	fault   atomic.Pointer[error] // a panic that ends it
	stop    func() bool
	closing sync.Once

	// transport is the one to ask for. The library reads it while a call of ours waits.
	transport gortsplib.Transport
	// orTCP says that a camera that does not take UDP is asked for TCP. noUDP is why it
	// was.
	orTCP bool
	noUDP error

	setting atomic.Pointer[udpMedia] // of the SETUP that is asked now
	media   map[*description.Media]*mediaIntake

	// What follows is of the library's goroutine.
	lenient *rtsp.Conn
	plays   bool
	late    *time.Timer // ends the connection where a response takes too long

	mu      sync.Mutex
	conn    net.Conn // of the client
	peer    netip.Addr
	aborted bool
}

const (
	// answerTimeout is how long a camera may take for one answer.
	answerTimeout = 5 * time.Second
	// setupTimeout is how long it may take from the first packet until it plays.
	setupTimeout = 10 * time.Second
	// goodbyeTimeout is how long it may take to take a goodbye.
	goodbyeTimeout = time.Second
	// never is longer than anything takes: also longer than a clock can be set forward,
	// which the library takes for silence of the camera.
	never = 200 * 365 * 24 * time.Hour
	// maxRedirects is how often it may send us elsewhere.
	maxRedirects = 3
	// maxTries is how often a question is asked once more as the camera has a new nonce.
	maxTries  = 3
	userAgent = "Umbrella"
)

// dial connects and describes, with what the camera takes of sound as well if
// backChannel is set. The session lives until ctx is done or it is
// closed.
func dial(ctx context.Context, rawURL string, transport gortsplib.Transport, backChannel bool) (*session, error) {
	return dialBy(ctx, connect, nil, rawURL, transport, backChannel)
}

// dialBy is dial by another dialer, and with a tap on the connection if there is one.
func dialBy(ctx context.Context, by dialer, tap func(net.Conn) net.Conn, rawURL string, transport gortsplib.Transport, backChannel bool) (*session, error) {
	u, err := base.ParseURL(rawURL)
	if err != nil && strings.Contains(rawURL, "#") {
		return nil, trouble("this is no RTSP address", "leave out # and what follows it, which only go2rtc reads; in a password, write %23 for it")
	}
	if err != nil {
		return nil, trouble("this is no RTSP address: "+withoutSecrets(err.Error(), rawURL), adviceURL)
	}
	// The library signs nothing: it would give the password to whoever asks for it.
	u.User = nil
	to := target{url: u, login: credential.FromURL(rawURL), dial: by, tap: tap}
	for range maxRedirects + 1 {
		s, err := describe(ctx, to, transport, backChannel)
		if err == nil {
			return s, nil
		}
		if s == nil || s.repair.location == "" {
			return nil, err
		}
		if to, err = to.follow(s.peer, s.repair.location); err != nil {
			return nil, err
		}
	}
	return nil, errRedirect
}

// describe connects to one address. With an error the session is closed; it
// tells where the camera sends us.
func describe(ctx context.Context, to target, transport gortsplib.Transport, backChannel bool) (*session, error) {
	u := to.url
	s := &session{url: u, ended: make(chan struct{}), transport: transport, media: map[*description.Media]*mediaIntake{}}
	s.repair = &repairer{to: to, talk: backChannel}
	s.client = &gortsplib.Client{
		// TLS is ours (connect), so that what comes can be made regular behind it. The
		// library would begin it once more; the scheme is what it was once it has
		// connected.
		Scheme: "rtsp", Host: hostPort(u), Transport: &s.transport,
		// How long nothing may come is ours to decide, by a clock that nobody sets: some
		// cameras send a picture in ten seconds (bluenviron/gortsplib#968), and by UDP it
		// is what makes us try TCP.
		ReadTimeout: never, InitialUDPReadTimeout: never, WriteTimeout: answerTimeout,
		ListenPacket: s.listenPacket,
		// Cameras say little of their ports; packets still have to come from the
		// camera's address.
		AnyPortEnable:       true,
		RequestBackChannels: backChannel,
		UserAgent:           userAgent,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return s.connect(ctx, to, network, address)
		},
		OnRequest:         s.request,
		OnResponse:        s.response,
		OnTransportSwitch: func(error) {},
		OnPacketsLost:     func(uint64) {},
		OnDecodeError:     func(error) {},
	}
	if err := s.client.Start2(); err != nil {
		return nil, fmt.Errorf("starting RTSP: %w", err)
	}
	go func() {
		s.err = s.client.Wait()
		if s.late != nil {
			s.late.Stop()
		}
		close(s.ended)
	}()
	s.stop = context.AfterFunc(ctx, s.end)
	bound := time.AfterFunc(setupTimeout, s.abort)
	defer bound.Stop()
	err := s.insist(func() (err error) {
		s.desc, _, err = s.client.Describe(u)
		return err
	})
	if err != nil {
		err = s.describeError(ctx, err)
		s.close()
		return s, err
	}
	s.repair.description.Complete(s.desc)
	return s, nil
}

// hostPort is the host of a URL with its port.
func hostPort(u *base.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	port := "554"
	if u.Scheme == "rtsps" {
		port = "322"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// connect dials the camera for the library.
func (s *session) connect(ctx context.Context, to target, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := to.dial(ctx, network, to.address(address))
	if err == nil {
		err = s.keep(conn)
	}
	if err != nil {
		return nil, err
	}
	if s.url.Scheme == "rtsps" {
		// What cameras present is made by themselves: it hides the password from who
		// listens, and proves nothing.
		secure := tls.Client(conn, &tls.Config{ServerName: s.url.Hostname(), InsecureSkipVerify: true}) //nolint:gosec // see above
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secure
	}
	if to.tap != nil {
		conn = to.tap(conn)
	}
	s.lenient = rtsp.NewConn(conn, s.url.Host)
	return s.lenient, nil
}

// request is called with each request ahead of its way.
func (s *session) request(req *base.Request) {
	// SRTP goes with this scheme only.
	s.client.Scheme = s.url.Scheme
	switch {
	case req.Method == base.GetParameter && s.lenient.Refused(string(base.GetParameter)):
		req.Method = base.Options
	case req.Method == base.Options && s.lenient.Refused(string(base.Options)):
		req.Method = base.GetParameter
	}
	if u := s.setting.Load(); u != nil && req.Method == base.Setup {
		u.ask(req)
	}
	s.repair.request(req)
	// Some cameras answer no keep-alive.
	if s.late == nil && !s.plays {
		s.late = time.AfterFunc(answerTimeout, s.abort)
	}
}

// response is called with each response, before the library reads it.
func (s *session) response(res *base.Response) {
	if s.late != nil {
		s.late.Stop()
		s.late = nil
	}
	s.plays = s.plays || s.repair.asked == base.Play && res.StatusCode == base.StatusOK
	s.repair.response(res)
	if u := s.setting.Load(); u != nil {
		u.answered(res)
	}
}

// insist asks again where the camera wants to know who asks, and where it let us in
// before and wants its newest nonce now: it may renew them at any time, even with each
// answer. One question of ours may be two of the library.
func (s *session) insist(ask func() error) error {
	for tries := 0; ; tries++ {
		err := ask()
		var status liberrors.ErrClientBadStatusCode
		if !errors.As(err, &status) || status.Code != base.StatusUnauthorized {
			return err
		}
		switch {
		case s.repair.refusal != nil:
			return s.repair.refusal
		case !s.repair.again || tries == maxTries:
			return err
		}
	}
}

// keep notes the connection that the client goes by.
func (s *session) keep(conn net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aborted {
		return errors.Join(net.ErrClosed, conn.Close())
	}
	s.conn, s.peer = conn, bound.Peer(conn.RemoteAddr())
	return nil
}

// abort ends the connection at once. The client alone would wait: a peer that
// does not answer in a TLS handshake holds it up without end.
func (s *session) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aborted = true
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// end ends the connection, and says so to the camera: many have room for few.
func (s *session) end() {
	late := time.AfterFunc(goodbyeTimeout, s.abort)
	defer late.Stop()
	s.client.Close()
}

// describeError tells a connection that we ended from one that failed.
func (s *session) describeError(ctx context.Context, err error) error {
	s.mu.Lock()
	aborted := s.aborted
	s.mu.Unlock()
	var terminated liberrors.ErrClientTerminated
	if aborted || errors.As(err, &terminated) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errTooLong
	}
	return err
}

// setupError is of a camera that could be described, but did not play.
type setupError struct{ error }

func (e *setupError) Unwrap() error { return e.error }

// otherWay tells whether what failed by UDP may work by TCP, and the other way
// round.
func otherWay(err error) bool {
	var setup *setupError
	if !errors.As(err, &setup) {
		return errors.Is(err, errSilent) || errors.Is(err, errNothing) || errors.Is(err, errTorn)
	}
	var status liberrors.ErrClientBadStatusCode
	return !errors.As(err, &status) || status.Code != base.StatusUnauthorized && status.Code != base.StatusForbidden
}

// play sets the media up and starts them. handle is called with each of them
// once it is set up, to say who takes its packets. What cannot be set up is
// returned in failed, by media, as long as anything can.
func (s *session) play(ctx context.Context, media []*description.Media, handle func(*description.Media)) (failed map[*description.Media]error, err error) {
	bound := time.AfterFunc(setupTimeout, s.abort)
	defer bound.Stop()
	failed = map[*description.Media]error{}
	ready := 0
	for _, m := range media {
		if problem := s.setup(m, ready == 0); problem != nil {
			failed[m] = problem
			if err == nil {
				err = problem // those that follow may be of what came of it
			}
			continue
		}
		ready++
		handle(m)
	}
	if ready == 0 {
		return nil, &setupError{s.describeError(ctx, err)}
	}
	for _, in := range s.media {
		in.open()
	}
	if err = s.insist(func() error { _, err := s.client.Play(nil); return err }); err != nil {
		return nil, &setupError{s.describeError(ctx, err)}
	}
	go s.sendReports()
	return failed, nil
}

// setup asks for one of the media: under the base that the camera named, and if
// it does not know itself there, under the address that it was asked for.
func (s *session) setup(m *description.Media, first bool) error {
	bases := []*base.URL{s.desc.BaseURL}
	if first && s.desc.BaseURL.String() != s.url.String() {
		bases = append(bases, s.url)
	}
	var problem error
	for _, b := range bases {
		// The library trusts that there is one.
		if u, err := m.URL(b); err != nil || u == nil {
			problem = errors.Join(problem, trouble("the camera's description of its stream (SDP) names no address", "update its firmware"))
			continue
		}
		err := s.setupAt(b, m, first)
		if err == nil {
			s.desc.BaseURL = b
			return nil
		}
		var status liberrors.ErrClientBadStatusCode
		if !errors.As(err, &status) {
			return err
		}
		if problem == nil {
			problem = err
		}
	}
	return problem
}

// setupAt asks for one of the media under one base. A camera that does not take UDP for
// the first of them is asked for TCP on the same connection: many have room for one.
func (s *session) setupAt(b *base.URL, m *description.Media, first bool) error {
	ask := func() error {
		return s.insist(func() error { return s.setUp(b, m) })
	}
	err := ask()
	if err == nil || !first || !s.orTCP || s.transport != gortsplib.TransportUDP || !takesNoUDP(err) {
		return err
	}
	s.transport = gortsplib.TransportTCP
	if second := ask(); second != nil {
		s.transport = gortsplib.TransportUDP
		return err
	}
	s.noUDP = err
	return nil
}

// takesNoUDP reports whether SETUP by TCP may succeed where it failed by UDP. Cameras
// that take TCP only answer 461, or that they do not understand, or with a Transport of
// TCP.
func takesNoUDP(err error) bool {
	var tcp liberrors.ErrClientServerRequestedTCP
	var status liberrors.ErrClientBadStatusCode
	if !errors.As(err, &status) {
		return errors.As(err, &tcp)
	}
	switch status.Code {
	case base.StatusUnauthorized, base.StatusForbidden, base.StatusNotFound, base.StatusNotEnoughBandwidth, base.StatusServiceUnavailable:
		return false
	}
	return true
}

// ending tells why the connection is gone, once ended is closed.
func (s *session) ending() error {
	switch fault := s.fault.Load(); {
	case fault != nil:
		return *fault
	case s.err == nil:
		return errHungUp
	}
	return s.err
}

// close ends the connection. Once is enough, more does nothing.
func (s *session) close() {
	s.closing.Do(func() {
		s.stop()
		s.end()
		for _, in := range s.media {
			in.close()
		}
	})
	<-s.ended
}
