package rtc

import (
	"maps"
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"umbrella/internal/bandwidth"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// What both ends of a trunk know without being told (trunk.proto).
const (
	trunkMedia, trunkRTX = 96, 97

	trunkAudioLevel  = 1
	trunkOrientation = 2
	trunkTransportCC = 3
	trunkDependency  = 4
)

// TrunkExtensions are the ids of the header extensions of what comes in on a
// trunk.
func TrunkExtensions() forward.ExtensionIDs {
	return forward.ExtensionIDs{AudioLevel: trunkAudioLevel, Orientation: trunkOrientation, Dependency: trunkDependency}
}

// Receive lets what comes under an SSRC be pushed to a layer.
func (t *Trunk) Receive(ssrc uint32, l *forward.Layer, clockRate uint32) {
	e := &encoding{ssrc: ssrc, nack: true, reception: reception{rate: clockRate}}
	e.layer.Store(l)
	t.media.in.Lock()
	defer t.media.in.Unlock()
	t.arrivals.streams[ssrc] = &stream{encoding: e}
	t.arrivals.streams[ssrc+1] = &stream{encoding: e, repair: true}
}

// Forget lets it be dropped.
func (t *Trunk) Forget(ssrc uint32) {
	t.media.in.Lock()
	defer t.media.in.Unlock()
	delete(t.arrivals.streams, ssrc)
	delete(t.arrivals.streams, ssrc+1)
}

// RequestKeyframe asks the other end for a keyframe of what comes under an
// SSRC.
func (t *Trunk) RequestKeyframe(ssrc uint32) {
	_ = t.media.sendRTCP(&rtcp.PictureLossIndication{SenderSSRC: t.self, MediaSSRC: ssrc})
}

// TrunkOutput is one layer on its way to the other end.
type TrunkOutput struct {
	trunk *Trunk
	ssrc  uint32
	audio bool
	out   forward.Stream

	// Guarded by the trunk's mu.
	track  *sfu.Track
	layer  *forward.Layer
	choice bandwidth.Option // what crosses; Layer -1: nothing
}

// Send makes a layer of a track leave under an SSRC, in place of the one that
// did; nil is none for now.
func (t *Trunk) Send(ssrc uint32, track *sfu.Track, layer *forward.Layer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.list()[ssrc]
	if o == nil {
		o = &TrunkOutput{trunk: t, ssrc: ssrc, audio: track.Kind == sfu.Audio}
		o.choice.Layer = -1
		o.out.Bind(forward.StreamConfig{
			Sender: o, SSRC: ssrc, RTXSSRC: ssrc + 1, Transport: &t.path.Transport, Totals: t.engine.Totals,
			Extensions: forward.StreamExtensions{
				AudioLevel: trunkAudioLevel, Orientation: trunkOrientation,
				TransportCC: trunkTransportCC, Dependency: trunkDependency,
			},
		})
		next := maps.Clone(t.list())
		if next == nil {
			next = map[uint32]*TrunkOutput{}
		}
		next[ssrc] = o
		t.outputs.Store(&next)
	}
	if o.track == track && o.layer == layer {
		return
	}
	if o.layer != layer {
		o.choice.Layer = -1
	}
	o.track, o.layer = track, layer
	o.out.Play(track.Media, forward.PayloadTypes{Media: trunkMedia, RTX: trunkRTX})
	t.allocate(time.Now())
}

// Stop ends what leaves under an SSRC.
func (t *Trunk) Stop(ssrc uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.list()[ssrc]
	if o == nil {
		return
	}
	next := maps.Clone(t.list())
	delete(next, ssrc)
	t.outputs.Store(&next)
	o.out.Stop()
	o.out.Unbind()
}

func (t *Trunk) list() map[uint32]*TrunkOutput {
	if p := t.outputs.Load(); p != nil {
		return *p
	}
	return nil
}

// SendRTP implements forward.Sender.
func (o *TrunkOutput) SendRTP(h *rtp.Header, payload []byte) error {
	return o.trunk.media.sendRTP(h, payload, o.audio)
}

// Flush implements forward.Sender.
func (o *TrunkOutput) Flush() { o.trunk.media.flush() }

// rtcp takes reports of both directions.
func (t *Trunk) rtcp(packets []rtcp.Packet, now time.Time) {
	for _, p := range packets {
		if p, ok := p.(*rtcp.SenderReport); ok {
			if s := t.arrivals.streams[p.SSRC]; s != nil && !s.repair {
				s.encoding.reception.sender(p.NTPTime, now)
				s.encoding.layer.Load().SetSenderReport(p.NTPTime, p.RTPTime, now)
			}
		}
	}
	find := func(ssrc uint32) *forward.Stream {
		if o := t.list()[ssrc]; o != nil {
			return &o.out
		}
		return nil
	}
	t.media.feedback(packets, now, find, &t.path, (*forward.Stream).PassKeyframeRequest)
}

// turn does what has to be done every now and then.
func (t *Trunk) turn(now time.Time) {
	t.turns++
	reports := t.turns%reportTurns == 0
	t.media.in.Lock()
	t.arrivals.tick()
	list := t.arrivals.feedback(t.self, now, t.turns%congestionTurns == 0, reports)
	asking := len(t.arrivals.streams) > 0
	t.media.in.Unlock()
	if len(list) > 0 {
		_ = t.media.sendRTCP(list...)
	}
	t.live(now, asking, len(list) > 0)
	due := t.path.due.Swap(false)
	t.mu.Lock()
	if due || now.Sub(t.allocated) >= allocateInterval {
		t.allocate(now)
	}
	t.mu.Unlock()
	if reports {
		var streams []*forward.Stream
		for _, o := range t.list() {
			streams = append(streams, &o.out)
		}
		t.media.report(streams, now)
	}
	t.path.probe(now, t.best, &t.media, &t.owned)
}

func (t *Trunk) best() *forward.Stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	var best *TrunkOutput
	for _, o := range t.list() {
		if !o.audio && o.choice.Layer >= 0 && (best == nil || o.choice.Bitrate > best.choice.Bitrate) {
			best = o
		}
	}
	if best == nil {
		return nil
	}
	return &best.out
}

// allocate shares the trunk out: sound first, then of every picture the smallest
// encoding that was asked for, then the others of those who speak, then the
// larger ones. Frames are left out before an encoding is. The caller holds mu.
func (t *Trunk) allocate(now time.Time) {
	t.allocated = now
	a := &t.allocation
	a.requests, a.options = a.requests[:0], a.options[:0]
	a.sounds.begin()
	var outputs []*TrunkOutput
	list := t.list()
	least := map[*sfu.Track]*TrunkOutput{}
	sizes := map[*TrunkOutput]int{}
	order := slices.Sorted(maps.Keys(list)) // equals take turns in one order
	for _, ssrc := range order {
		o := list[ssrc]
		if o.layer == nil || o.audio {
			continue
		}
		s := o.layer.Scale()
		sizes[o] = int(s.Width) * int(s.Height)
		if l := least[o.track]; l == nil || smaller(o, l, sizes) {
			least[o.track] = o
		}
	}
	for _, ssrc := range order {
		o := list[ssrc]
		switch {
		case o.layer == nil:
			o.out.Aim(nil, 0, 0)
			continue
		case o.audio:
			o.out.Aim(o.layer, 0, 0)
			a.addSound(o.track, o.layer, false, now)
		default:
			first := len(a.options)
			a.options = appendOptions(a.options, o.layer.Scale(), 0)
			options := affordable(a.options[first:])
			a.options = a.options[:first+len(options)]
			current := -1
			for i, x := range options {
				if o.choice.Layer >= 0 && x.Height == o.choice.Height && x.Temporal == o.choice.Temporal {
					current = i
				}
			}
			a.requests = append(a.requests, bandwidth.Request{
				Speaking: o.track.Participant().Speaking(), Screen: o.track.Source == sfu.Screen,
				Pixels: sizes[o], Further: least[o.track] != o, Options: options, Current: current,
			})
		}
		outputs = append(outputs, o)
	}
	a.sounds.reserve(a.requests)
	t.path.wanted.Store(bandwidth.Wanted(a.requests))
	a.choices = bandwidth.Allocate(t.path.estimator.Target(), a.requests, a.choices[:0])
	for i, c := range a.choices {
		o, r := outputs[i], &a.requests[i]
		switch {
		case r.Audio:
		case c.Option < 0:
			o.choice.Layer = -1
			o.out.Aim(nil, 0, 0)
		default:
			o.choice = r.Options[c.Option]
			o.out.Aim(o.layer, o.choice.Spatial, o.choice.Temporal)
		}
	}
}

// TrunkFlow is what crosses a trunk in one direction at one moment.
type TrunkFlow struct {
	Streams       int
	BitsPerSecond uint64
}

// Outgoing is what leaves, and Available what the path is thought to carry, in
// bit/s.
func (t *Trunk) Outgoing(now time.Time) (f TrunkFlow) {
	for _, o := range t.list() {
		f.Streams++
		f.BitsPerSecond += o.out.Stats(now).BitsPerSecond
	}
	return f
}

// Incoming is what comes in.
func (t *Trunk) Incoming(now time.Time) (f TrunkFlow) {
	t.media.in.Lock()
	defer t.media.in.Unlock()
	for _, s := range t.arrivals.streams {
		if !s.repair {
			f.Streams++
			f.BitsPerSecond += s.encoding.layer.Load().Stats(now).BitsPerSecond
		}
	}
	return f
}

// Available is what the path is thought to carry, in bit/s.
func (t *Trunk) Available() uint64 { return t.path.estimator.Target() }

// smaller tells whether one output is of a smaller encoding of a track than
// another: by its size, or by what it takes where that is not known or the same.
func smaller(a, b *TrunkOutput, sizes map[*TrunkOutput]int) bool {
	if sa, sb := sizes[a], sizes[b]; sa != sb && sa > 0 && sb > 0 {
		return sa < sb
	}
	return a.layer.Rate() < b.layer.Rate()
}
