package rtc

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// Trunk is the media connection between two nodes: ICE, DTLS and SRTP on the
// media ports of both, with no SDP. One end dials: it sends the checks and is
// the DTLS client.
type Trunk struct {
	engine *Engine
	log    *slog.Logger
	dials  bool
	// UDPBlocked is set before Connect where UDP did not get through the last time:
	// then it is tried for a moment only.
	UDPBlocked bool
	local      TrunkParameters
	media      transport
	ticker
	owned  sync.WaitGroup
	ended  chan struct{}
	broken sync.Once
	closed sync.Once

	agent *ice.Agent
	dtls  io.Closer
	via   atomic.Pointer[string] // how it is connected

	path    path
	outputs atomic.Pointer[map[uint32]*TrunkOutput] // by SSRC: copy on write

	arrivals arrivals // guarded by the transport's inbound lock
	self     uint32   // SSRC of our feedback
	turns    int

	awaited atomic.Bool  // the other end waits for something
	arrived atomic.Bool  // something came since the last turn
	heard   atomic.Int64 // when something last came, in ns since 1970; 0: never
	life    life

	mu         sync.Mutex // of what changes the outputs
	allocation allocation
	allocated  time.Time
}

// TrunkParameters are what one end tells the other.
type TrunkParameters struct {
	// Fingerprint is the SHA-256 of the certificate in DTLS.
	Fingerprint []byte
	// Ufrag and Pwd are those of ICE (RFC 8445 §5.3).
	Ufrag, Pwd string
	// Candidates of the end that does not dial, as RFC 8839 §5.1 writes them.
	Candidates []string
}

const (
	// trunkUDPTimeout is how long UDP is tried before TCP is: several checks to
	// the other side of the world.
	trunkUDPTimeout = 2 * time.Second
	trunkUDPBlocked = time.Second // where it was blocked
	// trunkTCPTimeout is how long TCP is.
	trunkTCPTimeout = 4 * time.Second
	// trunkTimeout is how long the end that is dialled waits.
	trunkTimeout = 15 * time.Second
	// maxTrunkCandidates bounds what is taken of the other end's.
	maxTrunkCandidates = 32
)

// NewTrunk makes one end. Call Connect with the other end's parameters, and
// Close in any case.
func (e *Engine) NewTrunk(dials bool, log *slog.Logger) *Trunk {
	t := &Trunk{engine: e, log: log, dials: dials, self: mathrand.Uint32(), ended: make(chan struct{})}
	t.local = TrunkParameters{
		Fingerprint: e.Identity.Fingerprint(),
		// RFC 8445 §5.3 asks for 24 and 128 random bits.
		Ufrag: rand.Text()[:8], Pwd: rand.Text(),
	}
	if !dials {
		t.local.Candidates = e.reach.candidates()
	}
	t.path.init()
	t.arrivals = arrivals{
		ids: arrivalIDs{transportCC: trunkTransportCC}, streams: map[uint32]*stream{},
		find: func(string, string, uint32, uint8) *encoding { return nil },
		apt:  map[uint8]uint8{trunkRTX: trunkMedia}, congestion: twcc.NewRecorder(t.self),
	}
	t.media.engine = e
	t.media.rtp = func(raw []byte, now time.Time) {
		t.arrived.Store(true)
		t.arrivals.take(raw, now)
	}
	t.media.rtcp = func(packets []rtcp.Packet, now time.Time) {
		t.arrived.Store(true)
		t.rtcp(packets, now)
	}
	t.tick = t.turn
	return t
}

// Parameters of this end.
func (t *Trunk) Parameters() TrunkParameters { return t.local }

// Ended is closed when the connection is lost or closed.
func (t *Trunk) Ended() <-chan struct{} { return t.ended }

// Via is how media goes, such as "udp 192.0.2.7:8082"; empty before it does.
func (t *Trunk) Via() string {
	if s := t.via.Load(); s != nil {
		return *s
	}
	return ""
}

// ErrUnreachable is returned when neither UDP nor TCP got through.
var ErrUnreachable = errors.New("the media port of the other node is not reached, neither by UDP nor by TCP: open it in the firewall, or set public_address there")

// Connect brings the connection up and returns when media can flow.
func (t *Trunk) Connect(ctx context.Context, remote TrunkParameters) error {
	conn, err := t.reach(ctx, remote)
	if err != nil {
		return err
	}
	if err := t.secure(ctx, conn, remote.Fingerprint); err != nil {
		return fmt.Errorf("trunk media: DTLS: %w", err)
	}
	if _, address, _ := strings.Cut(t.Via(), " "); address != "" {
		if a, err := netip.ParseAddrPort(address); err == nil && near(a.Addr().Unmap()) {
			t.path.estimator.Initial = nearRate
		}
	}
	t.media.begin()
	t.engine.clock.add(&t.ticker)
	return nil
}

// reach finds a way to the other end.
func (t *Trunk) reach(ctx context.Context, remote TrunkParameters) (*ice.Conn, error) {
	if !t.dials {
		ctx, cancel := context.WithTimeout(ctx, trunkTimeout)
		defer cancel()
		conn, err := t.try(ctx, remote, ice.WithICELite(true), t.onMediaPort())
		if err != nil {
			return nil, ErrUnreachable
		}
		return conn, nil
	}
	within := trunkUDPTimeout
	if t.UDPBlocked {
		within = trunkUDPBlocked
	}
	udp, cancel := context.WithTimeout(ctx, within)
	conn, err := t.try(udp, remote, t.onMediaPort(), ice.WithDisableActiveTCP())
	cancel()
	if err == nil || ctx.Err() != nil {
		return conn, err
	}
	t.log.Info("trunk media: UDP does not get through, trying TCP", "error", err)
	tcp, cancel := context.WithTimeout(ctx, trunkTCPTimeout)
	defer cancel()
	conn, err = t.try(tcp, remote, ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeTCP4, ice.NetworkTypeTCP6}),
		ice.WithIncludeLoopback())
	if err != nil {
		return nil, ErrUnreachable
	}
	return conn, nil
}

// onMediaPort makes an agent that uses the media port.
func (t *Trunk) onMediaPort() ice.AgentOption {
	return func(a *ice.Agent) error {
		for _, o := range []ice.AgentOption{
			ice.WithNet(localNet{}), ice.WithUDPMux(localMux{t.engine.udp}), ice.WithTCPMux(t.engine.tcp),
			ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6, ice.NetworkTypeTCP4, ice.NetworkTypeTCP6}),
		} {
			if err := o(a); err != nil {
				return err
			}
		}
		return nil
	}
}

// try runs one ICE agent until it is connected. One that is not is closed.
func (t *Trunk) try(ctx context.Context, remote TrunkParameters, options ...ice.AgentOption) (_ *ice.Conn, err error) {
	agent, err := ice.NewAgentWithOptions(append([]ice.AgentOption{
		ice.WithLocalCredentials(t.local.Ufrag, t.local.Pwd),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithLoggerFactory(pionLog{t.log}),
		ice.WithDisconnectedTimeout(trunkDisconnected), ice.WithFailedTimeout(trunkFailed),
		ice.WithKeepaliveInterval(trunkKeepalive),
		ice.WithHostAcceptanceMinWait(0), ice.WithPrflxAcceptanceMinWait(0),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("trunk media: %w", err)
	}
	defer func() {
		if err != nil {
			_ = agent.GracefulClose()
		}
	}()
	t.watch(agent)
	session := t.media.listen(t.local.Ufrag, t.local.Pwd, !t.dials)
	if err := agent.OnCandidate(func(ice.Candidate) {}); err != nil {
		return nil, err
	}
	if err := agent.GatherCandidates(); err != nil {
		return nil, err
	}
	var candidates []string // only the end that dials sends checks
	if t.dials {
		candidates = remote.Candidates[:min(len(remote.Candidates), maxTrunkCandidates)]
	}
	for _, s := range candidates {
		c, err := ice.UnmarshalCandidate(s)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddr(c.Address())
		if err != nil {
			continue // a name: nodes tell addresses
		}
		if !c.NetworkType().IsTCP() {
			t.engine.conn.expect(session, netip.AddrPortFrom(addr, uint16(c.Port())))
		}
		_ = agent.AddRemoteCandidate(c)
	}
	var conn *ice.Conn
	if t.dials {
		conn, err = agent.Dial(ctx, remote.Ufrag, remote.Pwd)
	} else {
		conn, err = agent.Accept(ctx, remote.Ufrag, remote.Pwd)
	}
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	t.agent = agent
	t.mu.Unlock()
	return conn, nil
}

const (
	// A connection over which nothing is asked for is lost when nobody answered
	// for the sum of the two; another one is noticed earlier.
	trunkDisconnected = 6 * time.Second
	trunkFailed       = 4 * time.Second
	trunkKeepalive    = 2 * time.Second
)

// watch follows which pair the agent uses, and whether it works.
func (t *Trunk) watch(agent *ice.Agent) {
	_ = agent.OnSelectedCandidatePairChange(func(local, remote ice.Candidate) {
		passive := local.NetworkType().IsTCP() && local.TCPType() == ice.TCPTypePassive
		if !local.NetworkType().IsTCP() || passive {
			t.media.selectPair(remote.Address(), uint16(remote.Port()), passive, t.dials)
		}
		network := "udp"
		if local.NetworkType().IsTCP() {
			network = "tcp"
		}
		addr, _ := netip.ParseAddr(remote.Address())
		via := network + " " + netip.AddrPortFrom(addr, uint16(remote.Port())).String()
		t.via.Store(&via)
	})
	_ = agent.OnConnectionStateChange(func(s ice.ConnectionState) {
		switch {
		case s == ice.ConnectionStateFailed && t.media.open.Load():
			t.end()
		case s == ice.ConnectionStateDisconnected:
			t.media.pause()
		case s == ice.ConnectionStateConnected:
			t.media.paused.Store(false)
		}
	})
}

func (t *Trunk) end() { t.broken.Do(func() { close(t.ended) }) }

// secure does the DTLS handshake and takes its keys.
func (t *Trunk) secure(ctx context.Context, conn *ice.Conn, fingerprint []byte) error {
	apart := &apartConn{Conn: conn, media: &t.media}
	if t.dials { // by TCP, it is no connection of the media port
		t.media.way.CompareAndSwap(nil, &way{other: apart.Conn})
	}
	options := []dtls.Option{
		dtls.WithCertificates(t.engine.Identity.certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithCipherSuites(cipherSuite), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(profilesByCost()...), dtls.WithLoggerFactory(pionLog{t.log}),
		dtls.WithVerifyPeerCertificate(func(certs [][]byte, _ [][]*x509.Certificate) error {
			if len(certs) == 0 {
				return errFingerprint
			}
			if sum := sha256.Sum256(certs[0]); !bytes.Equal(sum[:], fingerprint) {
				return errFingerprint
			}
			return nil
		}),
	}
	packets := dtlsnet.PacketConnFromConn(apart)
	var d *dtls.Conn
	var err error
	if t.dials {
		list := make([]dtls.ClientOption, len(options))
		for i, o := range options {
			list[i] = o
		}
		d, err = dtls.ClientWithOptions(packets, conn.RemoteAddr(), list...)
	} else {
		list := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerifyHello(true)}
		for _, o := range options {
			list = append(list, o)
		}
		d, err = dtls.ServerWithOptions(packets, conn.RemoteAddr(), list...)
	}
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.dtls = d
	t.mu.Unlock()
	if err := d.HandshakeContext(ctx); err != nil {
		return err
	}
	state, ok := d.ConnectionState()
	profile, agreed := d.SelectedSRTPProtectionProfile()
	if !ok || !agreed {
		return errors.New("no SRTP profile was agreed on")
	}
	cfg := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := cfg.ExtractSessionKeysFromDTLS(&state, t.dials); err != nil {
		return err
	}
	t.media.agreed(cfg.Keys, cfg.Profile)
	t.owned.Go(func() {
		_, _ = io.Copy(io.Discard, d)
		t.end()
	})
	return nil
}

var errFingerprint = errors.New("the certificate is not the one whose fingerprint was told")

// apartConn is an ICE connection that may carry media and DTLS alike: media is
// taken out of what is read. On the media port the socket's reader has done
// that already.
type apartConn struct {
	*ice.Conn
	media *transport
}

func (c *apartConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !isMedia(b[:n]) {
			return n, err
		}
		c.media.packet(b[:n], way{other: c.Conn}, time.Now())
	}
}

// Close ends the connection and waits for all that ran for it.
func (t *Trunk) Close() error {
	var err error
	t.closed.Do(func() {
		t.engine.clock.remove(&t.ticker)
		t.media.close()
		t.mu.Lock()
		d, agent := t.dtls, t.agent
		t.mu.Unlock()
		for ssrc := range t.list() {
			t.Stop(ssrc)
		}
		if d != nil {
			err = d.Close()
		}
		if agent != nil {
			err = errors.Join(err, agent.GracefulClose())
		}
		t.media.forget()
		t.end()
		t.owned.Wait()
	})
	return err
}

// candidates of the media port, as the other end of a trunk gets them.
func (a *addresses) candidates() (list []string) {
	for line := range strings.Lines(a.offer("m=\r\n", Caller{})) {
		if c, ok := strings.CutPrefix(strings.TrimSpace(line), "a=candidate:"); ok {
			list = append(list, "candidate:"+c)
		}
	}
	return list
}
