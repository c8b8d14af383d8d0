package rtc

import (
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"umbrella/internal/forward"
)

// viewer is a receiver with keys of its own, at whose address nobody reads.
type viewer struct{ transport }

func (v *viewer) SendRTP(h *rtp.Header, payload []byte) error { return v.sendRTP(h, payload, false) }
func (v *viewer) Flush()                                      { v.flush() }

func newViewer(tb testing.TB, e *Engine) *viewer {
	tb.Helper()
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = sink.Close() })
	v := &viewer{}
	v.engine = e
	to := sink.LocalAddr().(*net.UDPAddr).AddrPort()
	placePeer(e.conn, &v.transport, to)
	v.selectPair(to.Addr().String(), to.Port(), false, true)
	v.agreed(srtp.SessionKeys{
		LocalMasterKey: make([]byte, 16), LocalMasterSalt: make([]byte, 12),
		RemoteMasterKey: make([]byte, 16), RemoteMasterSalt: make([]byte, 12),
	}, srtp.ProtectionProfileAeadAes128Gcm)
	v.begin()
	return v
}

// audience is a layer that so many viewers play, over all that is between it and
// the socket.
type audience struct {
	layer *forward.Layer
	raw   []byte
	n     int
	now   time.Time
}

func newAudience(tb testing.TB, viewers int) *audience {
	tb.Helper()
	conn, err := listenMedia(0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	e := &Engine{conn: conn, pool: forward.NewPool()}
	tb.Cleanup(e.pool.Close)
	a := &audience{now: time.Now(), layer: forward.NewLayer(forward.LayerConfig{MimeType: "video/VP8", ClockRate: 90000, Pool: e.pool, Ticked: true})}
	source := &forward.Source{}
	source.Add(a.layer)
	tb.Cleanup(source.Close)
	for i := range viewers {
		var path forward.Transport
		s := &forward.Stream{}
		s.Bind(forward.StreamConfig{
			Sender: newViewer(tb, e), SSRC: uint32(i), Mid: "0", Transport: &path,
			Extensions: forward.StreamExtensions{Mid: 1, AbsSendTime: 2, TransportCC: 3},
		})
		s.Play(source, forward.PayloadTypes{Media: 96, RTX: 97})
		s.Aim(a.layer, 0, 0)
	}
	a.raw = make([]byte, 1100)
	a.raw[0], a.raw[12] = 0x80, 0x10
	return a
}

// picture pushes one of six packets; each is a keyframe.
func (a *audience) picture() {
	for i := range 6 {
		n := a.n
		a.raw[1], a.raw[12] = 96, 0
		switch i {
		case 0:
			a.raw[12] = 0x10
		case 5:
			a.raw[1] |= 0x80
		}
		a.raw[2], a.raw[3] = byte(n>>8), byte(n)
		t := uint32(n/6) * 3000
		a.raw[4], a.raw[5], a.raw[6], a.raw[7] = byte(t>>24), byte(t>>16), byte(t>>8), byte(t)
		a.layer.Push(a.raw, a.now)
		a.n++
	}
	a.now = a.now.Add(time.Second / 30)
}

// From the packet that comes in to the socket, for enough viewers that the cores
// share them, nothing is allocated.
func TestFanOutAllocatesNothing(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("a sync.Pool loses things on purpose while races are watched for")
	}
	a := newAudience(t, 64)
	for range 100 { // until everything has its size
		a.picture()
	}
	if n := testing.AllocsPerRun(100, a.picture); n > 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

// A picture of six packets to 64 viewers over all cores.
func BenchmarkFanOut(b *testing.B) {
	a := newAudience(b, 64)
	for range 100 {
		a.picture()
	}
	b.ReportAllocs()
	for b.Loop() {
		a.picture()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64/6, "ns/forwarded")
}

// Several publishers' pictures leave on one socket at once.
func BenchmarkFanOutOfSeveral(b *testing.B) {
	b.ReportAllocs()
	conn, err := listenMedia(0)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	e := &Engine{conn: conn}
	b.RunParallel(func(pb *testing.PB) {
		v := newViewer(b, e)
		payload := make([]byte, 1100)
		h := rtp.Header{Version: 2, PayloadType: 96}
		for n := 0; pb.Next(); n++ {
			h.SequenceNumber = uint16(n)
			if err := v.SendRTP(&h, payload); err != nil {
				b.Error(err)
				return
			}
			if n%6 == 5 {
				v.Flush()
			}
		}
	})
}

// BenchmarkSend protects a packet and leaves it for the next flush.
func BenchmarkSend(b *testing.B) {
	conn, err := listenMedia(0)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	v := newViewer(b, &Engine{conn: conn})
	payload := make([]byte, 1100)
	h := rtp.Header{Version: 2, PayloadType: 96}
	b.ReportAllocs()
	b.SetBytes(1100)
	for i := 0; b.Loop(); i++ {
		h.SequenceNumber = uint16(i)
		if err := v.sendRTP(&h, payload, false); err != nil {
			b.Fatal(err)
		}
		if i%64 == 63 { // nobody is to read what it takes to send
			o := conn.peer(netip.MustParseAddrPort(v.way.Load().udp.addr.String()))
			o.mu.Lock()
			o.buf, o.runs = o.buf[:0], o.runs[:0]
			o.mu.Unlock()
		}
	}
}
