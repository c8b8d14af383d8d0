package rtc

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// Publisher is a connection on which a participant publishes. The peer offers.
type Publisher struct {
	peer
	participant *sfu.Participant
	log         *slog.Logger

	mu        sync.Mutex
	announced map[string]Announced // by mid
	inputs    map[string]*input    // by mid
}

// Announced is what the peer says of an m-line on which it sends.
type Announced struct {
	Source sfu.Source
	Muted  bool
}

// input is an m-line on which packets come in.
type input struct {
	layer atomic.Pointer[forward.Layer] // nil while it is not announced
	make  func() *forward.Layer
	kind  sfu.TrackKind
	codec sfu.Codec
	track *sfu.Track
}

// NewPublisher makes a connection on which p publishes. onState is told of
// each change of the connection's state, from a goroutine of its own.
func (e *Engine) NewPublisher(p *sfu.Participant, log *slog.Logger, onState func(webrtc.PeerConnectionState)) (*Publisher, error) {
	pc, err := e.receive.NewPeerConnection(e.config)
	if err != nil {
		return nil, fmt.Errorf("making a connection: %w", err)
	}
	b := &Publisher{
		peer: peer{engine: e, pc: pc}, participant: p, log: log,
		announced: map[string]Announced{}, inputs: map[string]*input{},
	}
	b.transport = func() *webrtc.DTLSTransport {
		for _, r := range pc.GetReceivers() {
			if t := r.Transport(); t != nil {
				return t
			}
		}
		return nil
	}
	if onState != nil {
		pc.OnConnectionStateChange(onState)
	}
	pc.OnTrack(b.onTrack)
	return b, nil
}

// Answer applies an offer and returns the answer. announced says, by mid, what
// each m-line carries; what it does not name is not published (any more). With
// announced nil everything is, as a microphone or a camera.
func (b *Publisher) Answer(offer string, announced map[string]Announced) (string, error) {
	if err := b.setRemote(webrtc.SDPTypeOffer, offer); err != nil {
		return "", fmt.Errorf("applying the offer: %w", err)
	}
	if announced == nil {
		announced = map[string]Announced{}
		for _, t := range b.pc.GetTransceivers() {
			source := sfu.CameraPicture
			if t.Kind() == webrtc.RTPCodecTypeAudio {
				source = sfu.Microphone
			}
			announced[t.Mid()] = Announced{Source: source}
		}
	}
	b.mu.Lock()
	b.announced = announced
	for mid, in := range b.inputs {
		b.settle(mid, in)
	}
	b.mu.Unlock()
	for _, t := range b.pc.GetTransceivers() {
		if t.Kind() != webrtc.RTPCodecTypeAudio {
			continue
		}
		// Silence need not be sent (RFC 7587 §7).
		c := opus.parameters()
		c.SDPFmtpLine += ";usedtx=1"
		c.PayloadType = 0 // the one that was offered: Firefox sends under no other
		if err := t.SetCodecPreferences([]webrtc.RTPCodecParameters{c}); err != nil {
			b.log.Debug("no Opus in an offer", "error", err)
		}
	}
	answer, err := b.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	sdp, err := b.setLocal(answer)
	if err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	return sdp, nil
}

// SetMuted tells that what comes in on an m-line is silence, or no picture.
func (b *Publisher) SetMuted(mid string, muted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.announced[mid]
	if !ok {
		return
	}
	a.Muted = muted
	b.announced[mid] = a
	if in := b.inputs[mid]; in != nil && in.track != nil {
		in.track.SetMuted(muted)
	}
}

// Layers returns what comes in.
func (b *Publisher) Layers() []*forward.Layer {
	b.mu.Lock()
	defer b.mu.Unlock()
	var layers []*forward.Layer
	for _, in := range b.inputs {
		if l := in.layer.Load(); l != nil {
			layers = append(layers, l)
		}
	}
	return layers
}

// settle publishes an input that is announced and takes back one that is not.
func (b *Publisher) settle(mid string, in *input) {
	a, ok := b.announced[mid]
	switch {
	case ok && in.track == nil:
		layer := in.make()
		track, err := b.participant.Publish(sfu.Publication{
			Kind: in.kind, Source: a.Source, Codec: in.codec, Mid: mid, Muted: a.Muted, Layer: layer,
		})
		if err != nil { // it left meanwhile
			layer.Close()
			return
		}
		in.track = track
		in.layer.Store(layer)
	case !ok && in.track != nil:
		in.layer.Store(nil)
		in.track.Close()
		in.track = nil
	}
}

// onTrack is called by pion, on a goroutine, when first packets come in on an
// m-line.
func (b *Publisher) onTrack(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	mid := ""
	for _, t := range b.pc.GetTransceivers() {
		if t.Receiver() == receiver {
			mid = t.Mid()
		}
	}
	codec := codecOf(remote.Codec())
	in := &input{kind: sfu.Audio, codec: codec}
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		in.kind = sfu.Video
	}
	in.make = func() *forward.Layer {
		cfg := forward.LayerConfig{
			MimeType: codec.MimeType, ClockRate: codec.ClockRate, SSRC: uint32(remote.SSRC()),
			Extensions: extensionIDs(receiver.GetParameters().HeaderExtensions),
			Clock:      b.participant.Clock(), Totals: b.engine.Totals, Pool: b.engine.pool,
		}
		if in.kind == sfu.Video {
			cfg.RequestKeyframe = func() { b.requestKeyframe(remote.SSRC()) }
		}
		return forward.NewLayer(cfg)
	}
	b.mu.Lock()
	b.inputs[mid] = in
	b.settle(mid, in)
	b.mu.Unlock()

	b.owned.Go(func() { b.readReports(in, receiver) })
	b.read(in, remote)

	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inputs[mid] == in {
		delete(b.inputs, mid)
	}
	if in.track != nil {
		in.layer.Store(nil)
		in.track.Close()
		in.track = nil
	}
}

// read passes packets on until the m-line ends.
func (b *Publisher) read(in *input, remote *webrtc.TrackRemote) {
	buf := make([]byte, 1500)
	for {
		n, _, err := remote.Read(buf)
		if err != nil {
			return
		}
		if l := in.layer.Load(); l != nil {
			l.Push(buf[:n], time.Now())
		}
	}
}

// readReports takes the sender reports of the m-line.
func (b *Publisher) readReports(in *input, receiver *webrtc.RTPReceiver) {
	buf := make([]byte, 1500)
	for {
		n, _, err := receiver.Read(buf)
		if err != nil {
			return
		}
		now := time.Now()
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok {
				if l := in.layer.Load(); l != nil {
					l.SetSenderReport(sr.NTPTime, sr.RTPTime, now)
				}
			}
		}
	}
}

func (b *Publisher) requestKeyframe(ssrc webrtc.SSRC) {
	err := b.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}})
	if err != nil {
		b.log.Debug("asking for a keyframe", "error", err)
	}
}
