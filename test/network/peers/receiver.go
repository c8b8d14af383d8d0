package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// receiver takes what others publish.
type receiver struct {
	pc *webrtc.PeerConnection

	mu      sync.Mutex
	streams map[string]*stream // by mid
}

func newReceiver() (*receiver, error) {
	pc, err := newConnection()
	if err != nil {
		return nil, err
	}
	r := &receiver{pc: pc, streams: map[string]*stream{}}
	pc.OnTrack(r.read)
	return r, nil
}

func (r *receiver) answer(offer string) (string, error) {
	if err := r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("the offer of what there is: %w", err)
	}
	answer, err := r.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	if err := r.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	return answer.SDP, nil
}

// read counts what comes on one track. It ends with the connection.
func (r *receiver) read(t *webrtc.TrackRemote, in *webrtc.RTPReceiver) {
	s := &stream{codec: t.Codec().MimeType}
	mid := ""
	for _, tr := range r.pc.GetTransceivers() {
		if tr.Receiver() == in {
			mid = tr.Mid()
		}
	}
	r.mu.Lock()
	r.streams[mid] = s
	r.mu.Unlock()
	for {
		packet, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		r.mu.Lock()
		s.take(packet.SequenceNumber, packet.Marker, packet.Payload)
		r.mu.Unlock()
	}
}

func (r *receiver) report() (list []streamReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for mid, s := range r.streams {
		list = append(list, streamReport{
			Mid: mid, Codec: s.codec, Packets: s.packets, Missing: s.missing(),
			Bytes: s.bytes, Frames: s.frames, Width: s.width, Height: s.height,
		})
	}
	slices.SortFunc(list, func(a, b streamReport) int { return strings.Compare(a.Mid, b.Mid) })
	return list
}

func (r *receiver) close() { _ = r.pc.GracefulClose() }

// stream counts the packets of one track, each once, in whatever order.
type stream struct {
	codec          string
	packets, bytes uint64
	span           uint64 // numbers from the first to the highest
	highest        uint16
	seen           [1 << 16 / 64]uint64
	frames         uint64
	width, height  int
}

func (s *stream) take(number uint16, marker bool, payload []byte) {
	if s.packets == 0 {
		s.highest, s.span = number, 1
	} else if ahead := number - s.highest; ahead != 0 && ahead < 1<<15 {
		s.span += uint64(ahead)
		for s.highest != number {
			s.highest++
			s.seen[s.highest/64] &^= 1 << (s.highest % 64)
		}
	} else if uint64(-ahead) >= s.span || s.seen[number/64]>>(number%64)&1 == 1 {
		return // from before the first, or a second time
	}
	s.seen[number/64] |= 1 << (number % 64)
	s.packets++
	s.bytes += uint64(len(payload))
	if s.codec != webrtc.MimeTypeVP8 || len(payload) == 0 {
		return
	}
	if marker {
		s.frames++
	}
	s.measure(payload)
}

// measure reads the size of the picture from a keyframe (RFC 6386 §9.1).
func (s *stream) measure(payload []byte) {
	var packet codecs.VP8Packet
	data, err := packet.Unmarshal(payload)
	if err != nil || packet.S != 1 || packet.PID != 0 || len(data) < 10 || data[0]&1 != 0 {
		return
	}
	s.width = int(binary.LittleEndian.Uint16(data[6:]) & 0x3fff)
	s.height = int(binary.LittleEndian.Uint16(data[8:]) & 0x3fff)
}

func (s *stream) missing() uint64 { return s.span - s.packets }
