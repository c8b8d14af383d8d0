package rtc

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
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

	demand demand
	// arrivals sorts what comes in; the transport's inbound lock guards it.
	arrivals arrivals
	self     uint32 // SSRC of our feedback
	turns    int

	mu        sync.Mutex
	held      map[string]bool      // by mid: nothing of it is passed on
	announced map[string]Announced // by mid
	inputs    map[string]*input    // by mid
	lines     map[string]*line     // by mid
}

// Announced is what the peer says of an m-line on which it sends.
type Announced struct {
	Source sfu.Source
	Muted  bool
	// Talk is set for sound that goes to one participant while it is not muted,
	// and not to the room.
	Talk *TalkTo
}

// input is an m-line on which packets come in.
type input struct {
	kind      sfu.TrackKind
	codec     sfu.Codec
	encodings []*encoding
	track     *sfu.Track
	talking   *talking
	refused   bool // there was no place for its track
}

// encoding is one of the streams of an m-line: the only one, or one of
// simulcast.
type encoding struct {
	mid, rid string
	ssrc     uint32
	nack     bool                          // lost packets may be asked for again
	layer    atomic.Pointer[forward.Layer] // nil while it is not announced
	make     func() *forward.Layer
	// payloadType that it comes in; with no mid it is a trunk's, which has one for all.
	payloadType uint8
	ended       atomic.Bool

	reception reception // guarded by the transport's inbound lock
}

// NewPublisher makes a connection on which p publishes. onState is told of
// each change of the connection's state, and onDemand that Demand has changed,
// each from a goroutine of its own.
func (e *Engine) NewPublisher(p *sfu.Participant, log *slog.Logger, onState func(webrtc.PeerConnectionState), onDemand func()) (*Publisher, error) {
	b := &Publisher{
		participant: p, log: log, held: map[string]bool{}, announced: map[string]Announced{}, inputs: map[string]*input{},
		self: rand.Uint32(),
	}
	b.arrivals = arrivals{streams: map[uint32]*stream{}, find: b.encoding, congestion: twcc.NewRecorder(b.self)}
	b.arrivals.budget.set(e.publishLimit())
	b.demand.init(b.demanded, onDemand)
	b.media.rtp, b.media.rtcp = b.arrivals.take, b.reports
	b.tick = b.turn
	if err := b.connect(e, onState); err != nil {
		return nil, err
	}
	return b, nil
}

// Answer applies an offer and returns the answer. announced says, by mid, what
// each m-line carries; what it does not name is not published (any more). With
// announced nil everything is, as a microphone or a camera.
func (b *Publisher) Answer(offer string, announced map[string]Announced) (string, error) {
	defer b.engine.negotiate()()
	rules := mayReject{}
	if announced == nil {
		rules.direction = publishes
	}
	remote, err := readOffer(offer, maxPublished, rules)
	if err == nil {
		err = b.setRemote(webrtc.SDPTypeOffer, remote)
	}
	if err != nil {
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
	for mid, a := range announced {
		if b.held[mid] {
			a.Muted = true
			announced[mid] = a
		}
	}
	b.announced = announced
	for mid, in := range b.inputs {
		b.settle(mid, in)
	}
	b.mu.Unlock()
	for _, t := range b.pc.GetTransceivers() {
		if t.Kind() != webrtc.RTPCodecTypeAudio {
			continue
		}
		if announced[t.Mid()].Talk != nil {
			if err := t.SetCodecPreferences([]webrtc.RTPCodecParameters{pcmu.parameters()}); err != nil {
				b.log.Debug("no PCMU in an offer", "error", err)
			}
			continue
		}
		// Silence need not be sent (RFC 7587 §7).
		c, r := opus.parameters(), red.parameters()
		c.SDPFmtpLine += ";usedtx=1"
		// The numbers that were offered: Firefox sends under no others.
		c.PayloadType, r.PayloadType = 0, 0
		list := []webrtc.RTPCodecParameters{c}
		if prefersRED(remote.text, t.Mid()) {
			list = []webrtc.RTPCodecParameters{r, c}
		}
		if err := t.SetCodecPreferences(list); err != nil {
			b.log.Debug("no Opus in an offer", "error", err)
		}
	}
	answer, err := b.createAnswer(remote)
	if err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	local, err := b.setLocal(answer)
	if err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	local = withoutDependency(local)
	if err := b.agree(remote.text, local); err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	return remote.answer(local), nil
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
	in := b.inputs[mid]
	if !muted && b.held[mid] {
		delete(b.held, mid)
		if in != nil {
			b.settle(mid, in)
		}
	}
	switch {
	case in == nil:
	case a.Talk != nil:
		b.settle(mid, in)
	case in.track != nil:
		in.track.SetMuted(muted)
	}
}

// Hold mutes the tracks of some sources that are not muted, and passes nothing of them
// on until SetMuted says that they are not muted any more. It returns the m-lines.
func (b *Publisher) Hold(sources sfu.Sources) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var mids []string
	for mid, a := range b.announced {
		if a.Talk != nil || a.Muted || b.held[mid] || !sources.Has(a.Source) {
			continue
		}
		a.Muted = true
		b.announced[mid] = a
		b.held[mid] = true
		mids = append(mids, mid)
		in := b.inputs[mid]
		if in == nil || in.track == nil {
			continue
		}
		// The layers go, as at the end of a stream: new ones begin with a keyframe.
		for _, e := range in.encodings {
			if l := e.layer.Swap(nil); l != nil {
				in.track.Media.Remove(l)
			}
		}
		in.track.SetMuted(true)
	}
	return mids
}

// Layers returns what comes in.
func (b *Publisher) Layers() []*forward.Layer {
	b.mu.Lock()
	defer b.mu.Unlock()
	var layers []*forward.Layer
	for _, in := range b.inputs {
		for _, e := range in.encodings {
			if l := e.layer.Load(); l != nil {
				layers = append(layers, l)
			}
		}
	}
	return layers
}

// Close ends the connection.
func (b *Publisher) Close() error {
	b.demand.stop()
	err := b.peer.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for mid := range b.inputs {
		b.drop(mid)
	}
	return err
}

// settle publishes an input that is announced and takes back one that is not.
// The caller holds mu.
func (b *Publisher) settle(mid string, in *input) {
	a, ok := b.announced[mid]
	wanted := ok && len(in.encodings) > 0
	if !wanted || a.Talk == nil || a.Muted {
		b.hush(in)
	}
	if wanted && a.Talk != nil && !a.Muted {
		b.talk(in, a.Talk)
	}
	if !wanted || a.Talk != nil {
		if in.track != nil {
			for _, e := range in.encodings {
				e.layer.Store(nil)
			}
			in.track.Close()
			in.track = nil
		}
		return
	}
	media := &forward.Source{}
	if in.track != nil {
		media = in.track.Media
	}
	var fresh []*encoding
	for _, e := range in.encodings {
		if e.layer.Load() == nil && !b.held[mid] {
			l := e.make()
			media.Add(l)
			e.layer.Store(l)
			fresh = append(fresh, e)
		}
	}
	if in.track == nil {
		track, err := b.participant.Publish(sfu.Publication{
			Kind: in.kind, Source: a.Source, Codec: in.codec, Mid: mid, Muted: a.Muted, Media: media,
		})
		if err != nil { // it left meanwhile, or there is no place for a track
			in.refused = true
			for _, e := range fresh {
				e.layer.Store(nil)
			}
			media.Close()
			return
		}
		in.track, in.refused = track, false
	}
	if len(fresh) > 0 {
		b.demand.changed()
	}
}

// encoding returns the one of an m-line with that RID, and makes it when there
// is none. It is called with the inbound lock held.
func (b *Publisher) encoding(mid, rid string, ssrc uint32, payloadType uint8) *encoding {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.lines[mid]
	if m == nil {
		return nil
	}
	codec, ok := m.codecs[payloadType]
	if !ok {
		return nil
	}
	in := b.inputs[mid]
	if in == nil || in.codec != codec {
		// It sends in another codec from now on: another track.
		b.drop(mid)
		in = &input{kind: m.kind, codec: codec}
		b.inputs[mid] = in
	}
	for _, e := range in.encodings {
		if e.rid == rid {
			// A new SSRC for what was there: the old one has ended.
			b.end(in, e)
			break
		}
	}
	if len(in.encodings) >= maxEncodings {
		return nil
	}
	e := &encoding{mid: mid, rid: rid, ssrc: ssrc, payloadType: payloadType, nack: m.nack, reception: reception{rate: codec.ClockRate}}
	e.make = func() *forward.Layer {
		cfg := forward.LayerConfig{
			MimeType: codec.MimeType, ClockRate: codec.ClockRate, SSRC: ssrc, RID: rid, Extensions: m.extensions,
			Clock: b.participant.Clock(), Totals: b.engine.Totals, Account: b.participant.History(), Pool: b.engine.pool, Ticked: true,
		}
		if in.kind == sfu.Video {
			cfg.RequestKeyframe = func() { b.requestKeyframe(ssrc) }
			cfg.Demand = b.demand.changed
			if b.participant.Kind == sfu.Stream {
				// OBS sends a keyframe every 10 s, whatever it is asked for.
				cfg.KeepGroup, cfg.KeepUnlessAnswered = forward.DefaultKeepGroup, true
			}
		} else if b.announced[mid].Talk == nil {
			cfg.Pass = b.participant.PassSound
		}
		return forward.NewLayer(cfg)
	}
	in.encodings = append(in.encodings, e)
	b.settle(mid, in)
	return e
}

// maxEncodings bounds the encodings of one m-line.
const maxEncodings = 4

// end takes an encoding away. The caller holds mu.
func (b *Publisher) end(in *input, e *encoding) {
	e.ended.Store(true)
	in.encodings = slices.DeleteFunc(in.encodings, func(o *encoding) bool { return o == e })
	switch l := e.layer.Swap(nil); {
	case l == nil:
	case in.track != nil:
		in.track.Media.Remove(l)
	case in.talking != nil:
		in.talking.media.Remove(l)
	}
}

// drop takes back what came in on an m-line. The caller holds mu.
func (b *Publisher) drop(mid string) {
	in := b.inputs[mid]
	if in == nil {
		return
	}
	for _, e := range in.encodings {
		e.ended.Store(true)
		e.layer.Store(nil)
	}
	in.encodings = nil
	b.settle(mid, in)
	delete(b.inputs, mid)
}

// reports takes what the peer says of what it sends.
func (b *Publisher) reports(packets []rtcp.Packet, now time.Time) {
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			s := b.arrivals.streams[p.SSRC]
			if s == nil || s.repair {
				continue
			}
			s.encoding.reception.sender(p.NTPTime, now)
			if l := s.encoding.layer.Load(); l != nil {
				l.SetSenderReport(p.NTPTime, p.RTPTime, now)
			}
		case *rtcp.Goodbye:
			for _, ssrc := range p.Sources {
				b.goodbye(ssrc)
			}
		}
	}
}

// goodbye takes that nothing more comes under an SSRC for now. Browsers say it as
// well of an encoding that we have told them to stop: it stays, so that somebody
// can want it again. What is published is for the signalling to say.
func (b *Publisher) goodbye(ssrc uint32) {
	s := b.arrivals.streams[ssrc]
	if s == nil || s.repair {
		return
	}
	s.encoding.reception.missing = s.encoding.reception.missing[:0]
	if l := s.encoding.layer.Load(); l != nil {
		l.Forget()
	}
}

const (
	// Every how many turns of the clock the peer is told how packets arrive, and
	// how the connection is.
	congestionTurns = 5
	reportTurns     = int(time.Second / clockInterval)
)

// turn does what has to be done every now and then.
func (b *Publisher) turn(now time.Time) {
	b.turns++
	if b.turns%reportTurns == 0 {
		b.retry()
	}
	b.media.in.Lock()
	b.arrivals.budget.set(b.engine.publishLimit())
	b.arrivals.tick()
	list := b.arrivals.feedback(b.self, now, b.turns%congestionTurns == 0, b.turns%reportTurns == 0)
	b.media.in.Unlock()
	if len(list) > 0 {
		// Lost like any packet when it cannot be sent.
		_ = b.media.sendRTCP(list...)
	}
}

// retry publishes what there was no place for, if there is one by now.
func (b *Publisher) retry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for mid, in := range b.inputs {
		if in.refused && in.track == nil {
			b.settle(mid, in)
		}
	}
}

func (b *Publisher) requestKeyframe(ssrc uint32) {
	if err := b.media.sendRTCP(&rtcp.PictureLossIndication{SenderSSRC: b.self, MediaSSRC: ssrc}); err != nil {
		b.log.Debug("asking for a keyframe", "error", err)
	}
}
