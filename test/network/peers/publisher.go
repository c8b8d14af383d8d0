package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// packetSize is the most bytes of a packet, as browsers have it.
const packetSize = 1200

// publisher sends one person's picture and sound.
type publisher struct {
	media *media
	pc    *webrtc.PeerConnection
	done  sync.WaitGroup

	sound     *webrtc.TrackLocalStaticRTP
	picture   *webrtc.RTPSender
	encodings []*encoding
	mids      map[webrtc.RTPCodecType]string

	ready         chan struct{} // closed when connected
	sent, largest atomic.Uint64 // packets
}

// encoding is one of the sizes of the picture.
type encoding struct {
	rid       string
	track     *webrtc.TrackLocalStaticRTP
	packets   rtp.Packetizer
	frames    [][]byte
	next      int
	wanted    atomic.Bool
	keyframe  atomic.Bool // begin anew: somebody asked for a keyframe
	extension []extension
}

type extension struct {
	id    uint8
	value []byte
}

func newPublisher(m *media) (*publisher, error) {
	pc, err := newConnection()
	if err != nil {
		return nil, err
	}
	p := &publisher{media: m, pc: pc, mids: map[webrtc.RTPCodecType]string{}, ready: make(chan struct{})}
	if err := p.addTracks(); err != nil {
		_ = pc.Close()
		return nil, err
	}
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(p.ready) })
		}
	})
	return p, nil
}

func (p *publisher) addTracks() (err error) {
	if p.sound, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "sound", "peer"); err != nil {
		return err
	}
	sender, err := p.pc.AddTrack(p.sound)
	if err != nil {
		return err
	}
	p.done.Go(func() { // or the interceptors see no feedback
		for {
			if _, _, err := sender.ReadRTCP(); err != nil {
				return
			}
		}
	})
	for _, rid := range rids {
		e := &encoding{rid: rid, frames: p.media.pictures[rid]}
		e.wanted.Store(true)
		e.packets = rtp.NewPacketizer(packetSize, 0, 0, &codecs.VP8Payloader{EnablePictureID: true}, rtp.NewRandomSequencer(), 90000)
		if e.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "picture", "peer", webrtc.WithRTPStreamID(rid)); err != nil {
			return err
		}
		if p.picture == nil {
			p.picture, err = p.pc.AddTrack(e.track)
		} else {
			err = p.picture.AddEncoding(e.track)
		}
		if err != nil {
			return fmt.Errorf("encoding %s: %w", rid, err)
		}
		p.encodings = append(p.encodings, e)
		p.done.Go(func() { p.listen(e) })
	}
	return nil
}

// offer makes the one offer there is.
func (p *publisher) offer() (*umbrellav1.PublishOffer, error) {
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return nil, fmt.Errorf("offering: %w", err)
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return nil, fmt.Errorf("offering: %w", err)
	}
	m := &umbrellav1.PublishOffer{Id: 1, Sdp: offer.SDP}
	for _, t := range p.pc.GetTransceivers() {
		source := umbrellav1.TrackSource_TRACK_SOURCE_CAMERA
		if t.Kind() == webrtc.RTPCodecTypeAudio {
			source = umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE
		}
		p.mids[t.Kind()] = t.Mid()
		m.Tracks = append(m.Tracks, &umbrellav1.PublishedTrack{Mid: t.Mid(), Source: source})
	}
	return m, nil
}

func (p *publisher) answered(answer string) error {
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return fmt.Errorf("the answer to what is published: %w", err)
	}
	return nil
}

// demanded stops the encodings that nobody takes.
func (p *publisher) demanded(d *umbrellav1.PublishDemand) {
	mid := p.mids[webrtc.RTPCodecTypeVideo]
	i := slices.IndexFunc(d.Tracks, func(t *umbrellav1.TrackDemand) bool { return t.Mid == mid })
	for _, e := range p.encodings {
		wanted := i < 0 || slices.Contains(d.Tracks[i].Rids, e.rid)
		if wanted && !e.wanted.Load() {
			e.keyframe.Store(true) // an encoder that starts again starts with one
		}
		e.wanted.Store(wanted)
	}
}

// listen takes requests for keyframes.
func (p *publisher) listen(e *encoding) {
	for {
		packets, _, err := p.picture.ReadSimulcastRTCP(e.rid)
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				e.keyframe.Store(true)
			}
		}
	}
}

// play sends until ctx ends: a picture each 30th, a sound each 50th of a second.
func (p *publisher) play(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-p.ready:
	}
	for _, e := range p.encodings {
		e.extension = p.extensions(e.rid)
	}
	// Not all people's frames at one moment.
	time.Sleep(rand.N(time.Second / 30))
	pictures, sounds := time.NewTicker(time.Second/30), time.NewTicker(20*time.Millisecond)
	defer pictures.Stop()
	defer sounds.Stop()
	header := rtp.Header{Version: 2, SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32()}
	for i := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-sounds.C:
			p.count(p.sound.WriteRTP(&rtp.Packet{Header: header, Payload: p.media.sounds[i]}), nil)
			header.SequenceNumber++
			header.Timestamp += 960
			i = (i + 1) % len(p.media.sounds)
		case <-pictures.C:
			for _, e := range p.encodings {
				p.show(e)
			}
		}
	}
}

// show sends the next picture of an encoding.
func (p *publisher) show(e *encoding) {
	if !e.wanted.Load() {
		e.packets.SkipSamples(3000)
		return
	}
	if e.keyframe.Swap(false) {
		e.next = 0
	}
	frame := e.frames[e.next]
	e.next = (e.next + 1) % len(e.frames)
	for _, packet := range e.packets.Packetize(frame, 3000) {
		for _, x := range e.extension {
			if err := packet.SetExtension(x.id, x.value); err != nil {
				panic(err) // an id and a value that can never be
			}
		}
		p.count(e.track.WriteRTP(packet), e)
	}
}

func (p *publisher) count(err error, e *encoding) {
	if err != nil {
		return // closed
	}
	p.sent.Add(1)
	if e != nil && e.rid == rids[len(rids)-1] {
		p.largest.Add(1)
	}
}

// extensions say which m-line and which encoding a packet belongs to.
func (p *publisher) extensions(rid string) (list []extension) {
	for _, h := range p.picture.GetParameters().HeaderExtensions {
		switch h.URI {
		case sdp.SDESMidURI:
			list = append(list, extension{uint8(h.ID), []byte(p.mids[webrtc.RTPCodecTypeVideo])})
		case sdp.SDESRTPStreamIDURI:
			list = append(list, extension{uint8(h.ID), []byte(rid)})
		}
	}
	return list
}

func (p *publisher) close() {
	_ = p.pc.GracefulClose()
	p.done.Wait()
}
