package rtc

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/clock"
	"umbrella/internal/crash"
)

// PeerState is how a PeerConnection stands, in W3C's words.
type PeerState struct {
	Connection string // such as "connected"
	ICE        string
	Signaling  string
	Remote     string // address and port in use; empty before there is one
	Protocol   string // "udp" or "tcp"
}

// Connections are those of one participant; either may be nil.
type Connections struct {
	Publish   *Publisher
	Subscribe *Subscriber
}

// peer is what connections of both directions have in common.
type peer struct {
	engine *Engine
	caller Caller
	codecs *webrtc.MediaEngine // to negotiate; nil: those of the engine
	pc     *webrtc.PeerConnection
	states sync.Mutex     // held while the transport follows the state
	owned  sync.WaitGroup // goroutines that end when the connection is closed
	media  transport
	ticker // from when the connection works
	// dtlsClient: the peer has asked to be the DTLS server. remoteUfrag and remotePwd
	// are of its last offer. The negotiation, one at a time, guards them.
	dtlsClient             bool
	remoteUfrag, remotePwd string
	// panicked: pion did in a negotiation, and may hold a lock of the connection.
	panicked atomic.Bool
}

// connect makes the PeerConnection. onState is told of each change of its
// state, from a goroutine of its own.
func (p *peer) connect(e *Engine, onState func(webrtc.PeerConnectionState)) error {
	p.engine, p.media.engine = e, e
	p.media.keys.agreed = p.media.agreed
	settings := e.settings
	p.media.keys.listen(&settings)
	settings.SetICEBindingRequestHandler(p.media.selects)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(cmp.Or(p.codecs, e.codecs)), webrtc.WithSettingEngine(settings),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(e.config)
	if err != nil {
		return fmt.Errorf("making a connection: %w", err)
	}
	p.pc = pc
	// All m-lines are bundled: one transport carries everything.
	pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(func(pair *webrtc.ICECandidatePair) {
		p.media.selectPair(pair.Remote.Address, pair.Remote.Port, pair.Local.Protocol == webrtc.ICEProtocolTCP, false)
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		p.follow()
		if onState != nil {
			onState(state)
		}
	})
	return nil
}

// follow lets media flow while the connection works. pion tells of each state in a
// goroutine of its own, so what counts is the state of now.
func (p *peer) follow() {
	p.states.Lock()
	defer p.states.Unlock()
	switch p.pc.ConnectionState() {
	case webrtc.PeerConnectionStateConnected:
		p.media.begin()
		p.engine.clock.add(&p.ticker)
	case webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed:
		p.media.pause()
	}
}

// begun tells that the connection has worked; it may be lost by now.
func (p *peer) begun() bool {
	switch p.pc.ConnectionState() {
	case webrtc.PeerConnectionStateConnected, webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed:
		return true
	}
	return false
}

// Broken tells that the connection does not work now, and did or should have.
func (p *peer) Broken() bool {
	state := p.pc.ConnectionState()
	return state == webrtc.PeerConnectionStateDisconnected || state == webrtc.PeerConnectionStateFailed
}

// CalledBy says where the peer's signalling comes from, before it is told of addresses.
func (p *peer) CalledBy(c Caller) { p.caller = c }

// Heard is when the peer's last packet came, of media or a check; zero before there was
// one.
func (p *peer) Heard() time.Time {
	if at := p.media.heard.Load(); at != 0 {
		return clock.FromNano(at)
	}
	return time.Time{}
}

// State of the connection.
func (p *peer) State() PeerState {
	s := PeerState{
		Connection: p.pc.ConnectionState().String(),
		ICE:        p.pc.ICEConnectionState().String(),
		Signaling:  p.pc.SignalingState().String(),
	}
	// pion does not guard the transport before ICE has begun.
	if p.begun() {
		if pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair(); err == nil && pair != nil && pair.Remote != nil {
			s.Remote = fmt.Sprintf("%s:%d", pair.Remote.Address, pair.Remote.Port)
			if pair.Remote.Protocol == webrtc.ICEProtocolTCP || pair.Local.Protocol == webrtc.ICEProtocolTCP {
				s.Protocol = "tcp"
			} else {
				s.Protocol = "udp"
			}
		}
	}
	return s
}

// setRemote applies a description from the peer.
func (p *peer) setRemote(kind webrtc.SDPType, remote remoteSDP) (err error) {
	defer p.ends(&err)
	defer crash.Catch(crash.SDP, "", &err)
	return p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: remote.text})
}

// createAnswer answers the offer that was applied. The node is the DTLS server where
// the peer leaves it the choice. Roles stay as the first answer has them (RFC 8842 §5.3).
func (p *peer) createAnswer(offer remoteSDP) (_ webrtc.SessionDescription, err error) {
	defer p.ends(&err)
	defer crash.Catch(crash.SDP, "", &err)
	if offer.passive && p.pc.CurrentLocalDescription() == nil {
		p.dtlsClient = true
		p.media.keys.beClient()
	}
	p.remoteUfrag, p.remotePwd = Attribute(offer.text, "ice-ufrag"), Attribute(offer.text, "ice-pwd")
	return p.pc.CreateAnswer(nil)
}

// ends notes that a negotiation has panicked.
func (p *peer) ends(err *error) {
	if errors.Is(*err, crash.ErrPanic) {
		p.panicked.Store(true)
	}
}

// setLocal applies our description and returns it as the peer gets it: with
// every candidate there is.
func (p *peer) setLocal(d webrtc.SessionDescription) (_ string, err error) {
	defer p.ends(&err)
	defer crash.Catch(crash.SDP, "", &err)
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	<-gathered // at once: there is nothing to ask anyone
	local := p.pc.LocalDescription().SDP
	session := p.media.listen(Attribute(local, "ice-ufrag"), Attribute(local, "ice-pwd"), true)
	if p.dtlsClient {
		session.check(p.remoteUfrag, p.remotePwd)
		// pion writes what it is told for all connections, and acts by the offer.
		local = strings.ReplaceAll(local, "a=setup:passive\r\n", "a=setup:active\r\n")
	}
	return p.engine.reach.offer(local, p.caller), nil
}

// Close ends the connection and waits for all that ran for it, unless pion has
// panicked in it.
func (p *peer) Close() error {
	p.engine.clock.remove(&p.ticker)
	p.media.close()
	if p.panicked.Load() {
		go func() {
			_ = p.pc.GracefulClose()
			p.media.forget()
		}()
		return nil
	}
	err := p.pc.GracefulClose()
	p.media.forget()
	p.owned.Wait()
	return err
}
