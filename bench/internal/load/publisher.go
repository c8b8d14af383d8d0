package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// exchanger negotiates a connection that offers, and returns what ends it.
type exchanger func(context.Context, *webrtc.PeerConnection) (leave func(), err error)

// publisher sends the clip, over and over, as somebody's camera.
type publisher struct {
	codec  string
	frames [][][]byte
	pc     *webrtc.PeerConnection
	leave  func()
	track  *webrtc.TrackLocalStaticRTP

	sent     atomic.Uint64 // packets
	keyframe atomic.Bool   // somebody asked for one
	done     sync.WaitGroup
	stop     chan struct{}
}

func startPublisher(ctx context.Context, api *webrtc.API, codec string, exchange exchanger) (*publisher, error) {
	pictures, err := frames(codec)
	if err != nil {
		return nil, err
	}
	p := &publisher{codec: codec, frames: pictures, stop: make(chan struct{}), leave: func() {}}
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, err
	}
	mime := webrtc.MimeTypeVP8
	if codec == "h264" {
		mime = webrtc.MimeTypeH264
	}
	if p.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, "video", "bench"); err != nil {
		return nil, err
	}
	sender, err := p.pc.AddTrack(p.track)
	if err != nil {
		return nil, err
	}
	connected := make(chan struct{})
	var once sync.Once
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	if p.leave, err = exchange(ctx, p.pc); err != nil {
		_ = p.pc.Close()
		return nil, fmt.Errorf("publishing: %w", err)
	}
	select {
	case <-connected:
	case <-ctx.Done():
		p.close()
		return nil, fmt.Errorf("publishing: no connection: %w", ctx.Err())
	}
	p.done.Go(func() { p.feedback(sender) })
	p.done.Go(p.run)
	return p, nil
}

func (p *publisher) feedback(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, r := range packets {
			switch r.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				p.keyframe.Store(true)
			}
		}
	}
}

func (p *publisher) run() {
	tick := time.NewTicker(time.Second / framesPerSecond)
	defer tick.Stop()
	var seq uint16
	var number uint32
	position := 0
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		if p.keyframe.Swap(false) {
			position = 0
		}
		now := time.Now()
		s := stamp{sent: now.UnixNano(), frame: number}
		var payloads [][]byte
		if p.codec == "vp8" {
			payloads = packVP8(p.frames[position][0], uint16(number)&0x7fff, uint8(number), s)
		} else {
			payloads = packH264(p.frames[position], s)
		}
		for i, payload := range payloads {
			h := rtp.Header{Version: 2, Marker: i == len(payloads)-1, SequenceNumber: seq, Timestamp: number * 90000 / framesPerSecond}
			seq++
			if p.track.WriteRTP(&rtp.Packet{Header: h, Payload: payload}) == nil {
				p.sent.Add(1)
			}
		}
		number++
		position = (position + 1) % len(p.frames)
	}
}

func (p *publisher) close() {
	close(p.stop)
	p.leave()
	_ = p.pc.Close()
	p.done.Wait()
}
