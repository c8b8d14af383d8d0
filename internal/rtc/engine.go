// Package rtc carries media between the SFU and WebRTC peers, with pion: one
// UDP port (and ICE-TCP on the same number) for every connection, the
// PeerConnections, and what is offered on them.
package rtc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/bound"
	"umbrella/internal/forward"
	"umbrella/internal/inet"
)

// Engine owns the media port and makes PeerConnections on it. Set the fields,
// Start, and Close when every connection is closed.
type Engine struct {
	// MediaPort for UDP and ICE-TCP, 1 to 65535; 0 takes any.
	MediaPort int
	// PublicAddress are addresses and DNS names under which the port is reached
	// from outside besides those of the interfaces, as with 1:1 NAT.
	PublicAddress []string
	// PublishLimit is how much is taken of each publisher, in kbit/s; nil, or 0, is
	// as much as comes. It counts for those who are there, too.
	PublishLimit func() int
	// Shared tells of an address that stands for many people, such as that of a
	// trusted proxy; nil: none does.
	Shared func(netip.Addr) bool
	// Lines are the m-lines that receivers are offered, by their origins; engines of one
	// node share them.
	Lines *bound.Shares[netip.Prefix]
	// Totals of the node; nil counts for nobody.
	Totals *forward.Totals
	Log    *slog.Logger
	// Identity is who peers know the node as. Start makes one where it is nil;
	// engines that follow each other in one process share it.
	Identity *Identity

	// negotiations has a place for each negotiation at a time.
	negotiations chan struct{}
	// codecs is what connections negotiate.
	codecs *webrtc.MediaEngine

	config   webrtc.Configuration
	conn     *mediaConn
	pool     *forward.Pool
	clock    beat
	udp      *ice.UDPMuxDefault
	tcp      *ice.TCPMuxDefault
	accepted *localListener
	reach    *addresses
	settings webrtc.SettingEngine
}

// Start opens the port.
func (e *Engine) Start() error {
	if e.Lines == nil {
		e.Lines = &bound.Shares[netip.Prefix]{}
	}
	if e.Identity == nil {
		identity, err := newIdentity()
		if err != nil {
			return fmt.Errorf("media: %w", err)
		}
		e.Identity = identity
	}
	e.config = webrtc.Configuration{
		Certificates: []webrtc.Certificate{e.Identity.webrtc},
		// Header extensions are read as they are (no RFC 9335).
		RTPHeaderEncryptionPolicy: webrtc.RTPHeaderEncryptionPolicyDisable,
	}

	conn, listener, err := listenBoth(e.MediaPort)
	if err != nil {
		return fmt.Errorf("media port %d: %w", e.MediaPort, err)
	}
	e.conn, e.pool = conn, forward.NewPool()
	e.negotiations = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))
	e.clock.start()
	e.MediaPort = conn.LocalAddr().(*net.UDPAddr).Port
	logs := pionLog{e.Log}
	e.udp = ice.NewUDPMuxDefault(ice.UDPMuxParams{
		UDPConn: conn, Logger: logs.NewLogger("udp"),
	})
	e.accepted = newLocalListener(listener, e.Shared, conn.session, e.Log)
	e.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: e.accepted, Logger: logs.NewLogger("tcp"),
		ReadBufferSize:               16, // packets of STUN and DTLS
		FirstStunBindTimeout:         strangerPatience,
		AliveDurationForConnFromStun: strangerPatience,
	})
	e.reach = newAddresses(e.MediaPort, e.PublicAddress, e.Log)
	e.reach.start()
	if err := e.configure(logs); err != nil {
		e.closePort()
		return fmt.Errorf("media: %w", err)
	}
	return nil
}

// configure fixes what every connection has in common.
func (e *Engine) configure(logs pionLog) (err error) {
	s := &e.settings
	s.LoggerFactory = logs
	// ICE-lite (RFC 8445 §2.5): the node has an address that can be reached, or
	// is told one. It sends no checks, so no client makes it send packets to
	// somebody else.
	s.SetLite(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6,
		webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	// pion sees one local candidate for each family and protocol; which
	// addresses are told to the peer is for addresses to say.
	s.SetNet(localNet{})
	s.SetICEUDPMux(localMux{e.udp})
	s.SetICETCPMux(e.tcp)
	s.SetICEUseCandidateCheckPriority(true) // transport.selects has the rest of the rule
	s.DisableActiveTCP(true)                // peers connect to the node, never the node to them
	s.SetICETimeouts(disconnectedAfter, failedAfter, 2*time.Second)
	// The DTLS server chooses the SRTP profile, so be it where possible.
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return err
	}
	s.SetSRTPProtectionProfiles(profilesByCost()...)
	// ICE has shown already that the peer is where it says it is.
	s.SetDTLSInsecureSkipHelloVerify(true)
	// An encoding that its publisher has paused for now is still wanted.
	s.SetIgnoreRidPauseForRecv(true)
	e.codecs, err = newMediaEngine()
	return err
}

const (
	// disconnectedAfter without a packet a connection counts as disconnected:
	// browsers renew consent every 5 s (RFC 7675 §5.1).
	disconnectedAfter = 12 * time.Second
	// failedAfter that it is given up, unless ICE is restarted before.
	failedAfter = 30 * time.Second
)

// Close closes the port, and with it what is still open on it.
func (e *Engine) Close(context.Context) error {
	e.reach.close()
	e.closePort()
	return nil
}

func (e *Engine) closePort() {
	if err := e.udp.Close(); err != nil {
		e.Log.Warn("closing the media port", "error", err)
	}
	e.accepted.closeConns()
	if err := e.tcp.Close(); err != nil {
		e.Log.Warn("closing the media port", "protocol", "tcp", "error", err)
	}
	e.clock.stop()
	e.pool.Close()
}

// negotiate waits until a description may be applied, and returns what ends that.
// One core is left for media: a large offer takes pion a tenth of a second.
func (e *Engine) negotiate() (done func()) {
	e.negotiations <- struct{}{}
	return func() { <-e.negotiations }
}

func (e *Engine) publishLimit() int {
	if e.PublishLimit == nil {
		return 0
	}
	return e.PublishLimit()
}

// Addresses of the media port that peers are told, the likeliest to be the best
// first.
func (e *Engine) Addresses() []netip.Addr { return e.reach.list(Caller{}) }

// ResolveAgain has the names among the public addresses looked up at once, as the network
// has changed.
func (e *Engine) ResolveAgain() { e.reach.again() }

// SetPublicAddress replaces the addresses and names told besides those of the
// interfaces, for offers from now on.
func (e *Engine) SetPublicAddress(list []string) { e.reach.setPublic(list) }

// listenBoth opens UDP and TCP on one number, on all addresses of both
// families.
func listenBoth(port int) (*mediaConn, net.Listener, error) {
	for attempt := 0; ; attempt++ {
		udp, err := listenMedia(port)
		if err != nil {
			return nil, nil, err
		}
		number := udp.LocalAddr().(*net.UDPAddr).Port
		listener, err := inet.Listen(context.Background(), ":"+strconv.Itoa(number))
		if err == nil {
			return udp, listener, nil
		}
		_ = udp.Close()
		if port != 0 || attempt == 20 {
			return nil, nil, err
		}
	}
}
