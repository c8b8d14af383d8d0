package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5/packetio"
	"github.com/pion/webrtc/v4"
)

// subscriber receives and throws away. It runs no interceptor and reads what
// comes where it is decrypted, so that it costs this machine little besides
// what the kernel does.
type subscriber struct {
	codec string
	api   *webrtc.API
	leave func()
	began time.Time

	first   atomic.Int64 // ns until the first packet; 0 before
	packets atomic.Uint64

	mu      sync.Mutex
	streams map[uint32]*received
	pcs     []*webrtc.PeerConnection
}

// received is what came of one stream in the present window.
type received struct {
	packets   int
	latencies []time.Duration

	begun       bool
	first, last uint16 // sequence numbers
	stamped     bool
	frame       uint32 // number of the last picture
	missing     int    // packets of pictures of which nothing came
}

// lost is how many packets are missing: by their numbers, or, where the server
// closed the gap, by those of the pictures.
func (r *received) lost() int {
	return max(int(r.last-r.first)+1-r.packets, r.missing, 0)
}

// sink stands where pion keeps packets for whoever reads a track. Nobody reads
// the server's RTCP.
type sink struct{ rtp *subscriber }

func (k sink) Write(b []byte) (int, error) {
	if k.rtp != nil {
		k.rtp.take(b, time.Now())
	}
	return len(b), nil
}
func (k sink) Read([]byte) (int, error) { return 0, io.EOF }
func (k sink) Close() error             { return nil }

func newSubscriber(settings webrtc.SettingEngine, codec string) (*subscriber, error) {
	s := &subscriber{codec: codec, began: time.Now(), streams: map[uint32]*received{}, leave: func() {}}
	settings.BufferFactory = func(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
		if kind == packetio.RTPBufferPacket {
			return sink{s}
		}
		return sink{}
	}
	var err error
	s.api, err = newAPI(settings)
	return s, err
}

// connection makes one more PeerConnection, which close closes.
func (s *subscriber) connection() (*webrtc.PeerConnection, error) {
	pc, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pcs = append(s.pcs, pc)
	return pc, nil
}

// watch plays a WHEP endpoint that gives so many tracks.
func (s *subscriber) watch(ctx context.Context, endpoint string, tracks int) error {
	pc, err := s.connection()
	if err != nil {
		return err
	}
	for range tracks {
		_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			return err
		}
	}
	s.leave, err = exchange(ctx, pc, endpoint)
	if err != nil {
		s.leave = func() {}
		return fmt.Errorf("subscribing: %w", err)
	}
	return nil
}

func (s *subscriber) take(b []byte, now time.Time) {
	if len(b) < 12 {
		return
	}
	n := 12 + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 && len(b) >= n+4 {
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		end -= int(b[end-1])
	}
	if end <= n {
		return // padding, or cut short
	}
	s.packets.Add(1)
	if s.first.Load() == 0 {
		s.first.Store(int64(now.Sub(s.began)))
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.streams[ssrc]
	if r == nil {
		r = &received{}
		s.streams[ssrc] = r
	}
	r.packets++
	seq := binary.BigEndian.Uint16(b[2:])
	if !r.begun {
		r.begun, r.first, r.last = true, seq, seq
	} else if int16(seq-r.last) > 0 {
		r.last = seq
	}
	if st, ok := findStamp(s.codec, b[n:end]); ok {
		r.latencies = append(r.latencies, now.Sub(time.Unix(0, st.sent)))
		switch d := int32(st.frame - r.frame); {
		case !r.stamped || d == 1:
			r.stamped, r.frame = true, st.frame
		case d > 1:
			r.missing += int(d-1) * int(st.packets)
			r.frame = st.frame
		default: // it was only late
			r.missing = max(0, r.missing-int(st.packets))
		}
	}
}

// turn begins a new window and returns what came in the last.
func (s *subscriber) turn() map[uint32]*received {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.streams
	s.streams = map[uint32]*received{}
	return was
}

func (s *subscriber) close() {
	s.leave()
	s.mu.Lock()
	pcs := s.pcs
	s.mu.Unlock()
	for _, pc := range pcs {
		_ = pc.Close()
	}
}
