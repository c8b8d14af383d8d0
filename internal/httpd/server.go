// Package httpd is the node's web server: the client, the live state, metrics,
// the page about trusting the CA, and the way to signalling and WHIP.
package httpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/bound"
	"umbrella/internal/crash"
	"umbrella/internal/inet"
	"umbrella/internal/reach"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Server serves everything below Prefix. Set the fields, Start, and Close.
type Server struct {
	// Listen is the TCP address, as net.Listen takes it.
	Listen string
	// Prefix is "" or begins with a slash and does not end in one.
	Prefix string
	// Public returns the addresses and names by which it is reached from outside, as
	// reach.Server has them; may be nil.
	Public func() []string
	// Machine is what is known of this machine's networks; nil: its addresses alone.
	Machine func() reach.Machine
	// Certificates for HTTPS; nil serves plain HTTP, for a proxy in front.
	Certificates *access.Certificates
	Gate         *access.Gate
	// Signal takes the WebSockets of browsers, on Prefix/wsb, and Trunks those
	// of other nodes, which ask for TrunkProtocol.
	Signal        http.Handler
	Trunks        http.Handler
	TrunkProtocol string
	// TrunkDeclined is told of a node that does not take the certificate, which ends
	// the TLS handshake with an alert; may be nil.
	TrunkDeclined func(from net.Addr, why error)
	// WHIP takes what is below Prefix/whip/ and Prefix/whep/, without Prefix.
	WHIP http.Handler
	// Snapshots of cameras; nil serves none.
	Snapshots *Snapshots
	// Kicks sends participants away; nil sends nobody.
	Kicks *Kicks
	// Status is the node at this moment.
	Status func() *umbrellav1.Status
	// Admin changes the settings; nil serves no admin page.
	Admin *Admin
	// Relay takes connections that speak TURN; nil takes none.
	Relay func(net.Conn)
	// Assets is the built web client; text files lie there as NAME.gz.
	Assets fs.FS
	Log    *slog.Logger

	listener *inet.Listener
	server   *http.Server
	served   chan error
	silent   silentConns
	timeouts timeouts // as defaults says; others for tests
}

// timeouts bound what a client may take.
type timeouts struct {
	header  time.Duration // to send a request's header, a TLS handshake before it included
	request time.Duration // to send all of a request
	answer  time.Duration // to read the answer
	idle    time.Duration // between requests
}

func defaults() timeouts {
	return timeouts{header: 10 * time.Second, request: 30 * time.Second, answer: time.Minute, idle: 30 * time.Second}
}

const maxHeaderBytes = 16 << 10

// Start listens, and serves until Close.
func (s *Server) Start() error {
	pages, err := loadPages(s.Assets, s.Prefix, s.caFingerprint())
	if err != nil {
		return fmt.Errorf("web client: %w", err)
	}
	plain, err := inet.Listen(context.Background(), s.Listen)
	if err != nil {
		return err
	}
	s.listener = plain
	var serve net.Listener = bound.NewListener(plain, s.Gate.Connect, s.Log)
	if s.Certificates != nil || s.Relay != nil {
		split := newSplitListener(serve, s.Certificates, s.Relay)
		if split.tls != nil {
			tellingNodes(split.tls, s.TrunkProtocol)
			split.declined = s.TrunkDeclined
		}
		serve = split
	}
	limits := cmp.Or(s.timeouts, defaults())
	s.server = &http.Server{
		Handler:           crash.Handler(s.routes(pages)),
		ReadHeaderTimeout: limits.header,
		ReadTimeout:       limits.request,
		WriteTimeout:      limits.answer,
		IdleTimeout:       limits.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          crash.ServerLog(s.Log),
		ConnContext:       withConn,
		ConnState:         s.silent.track,
	}
	s.served = make(chan error, 1)
	go func() { s.served <- s.server.Serve(serve) }()
	return nil
}

// Close stops listening and waits for requests that are under way. WebSockets
// are not among them: whoever took them ends them.
func (s *Server) Close(ctx context.Context) error {
	s.silent.close()
	err := s.server.Shutdown(ctx)
	if err != nil {
		_ = s.server.Close()
	}
	<-s.served
	if err != nil {
		return fmt.Errorf("closing the web server: %w", err)
	}
	return nil
}

// Problem says why nobody reaches the address that it listens on now; empty: nothing is
// wrong.
func (s *Server) Problem() string {
	if p := s.listener.Problem(); p != "" {
		return "option 'listen': " + p + "; the page is there as soon as that has changed"
	}
	return ""
}

// Addr that is listened on; without an IP address where there is none now.
func (s *Server) Addr() *net.TCPAddr { return s.listener.Addr().(*net.TCPAddr) }

// URLs of the client that people can open, the best one first: see reach.URLs. There are
// none while it listens nowhere.
func (s *Server) URLs() []string {
	listen := s.Addr().AddrPort()
	server := reach.Server{TLS: s.Certificates != nil, Listen: listen, Prefix: s.Prefix, Proxied: s.Certificates == nil}
	if s.Public != nil {
		server.Public = s.Public()
	}
	if s.Certificates != nil {
		server.Sites = s.Certificates.Sites()
	}
	var machine reach.Machine
	if s.Machine != nil {
		machine = s.Machine()
	} else {
		machine.Addresses, _ = inet.Addresses()
	}
	return reach.URLs(server, machine)
}

func (s *Server) caFingerprint() string {
	if s.Certificates == nil {
		return ""
	}
	return s.Certificates.Fingerprint()
}

// splitListener lets TLS, plain HTTP and TURN in on one port: a TLS record begins
// with 22. Where there is TLS, plain HTTP gets nothing but redirects.
type splitListener struct {
	net.Listener
	tls   *tls.Config
	relay func(net.Conn)

	declined func(from net.Addr, why error)
}

func newSplitListener(l net.Listener, certificates *access.Certificates, relay func(net.Conn)) *splitListener {
	s := &splitListener{Listener: l, relay: relay}
	if certificates != nil {
		s.tls = certificates.TLSConfig()
		// WebSockets need HTTP/1.1, and nothing here gains from HTTP/2.
		s.tls.NextProtos = []string{"http/1.1"}
	}
	return s
}

// Accept never waits for what a client says: the first byte is looked at when
// the server first reads.
func (l *splitListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &splitConn{Conn: c, tls: l.tls, relay: l.relay, declined: l.declined}, nil
}
