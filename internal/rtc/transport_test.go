package rtc

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"umbrella/internal/forward"
)

// zeroKeys are those of both directions.
func zeroKeys() srtp.SessionKeys {
	return srtp.SessionKeys{
		LocalMasterKey: make([]byte, 16), LocalMasterSalt: make([]byte, 12),
		RemoteMasterKey: make([]byte, 16), RemoteMasterSalt: make([]byte, 12),
	}
}

// far is the other end of a transport, and what has got through to that.
type far struct {
	*transport
	outbound  *srtp.Context
	packets   []int // sizes
	compounds int
	number    uint16
	header    rtp.Header
}

func newFar(t *testing.T) *far {
	t.Helper()
	out, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	f := &far{transport: &transport{}, outbound: out}
	f.rtp = func(raw []byte, _ time.Time) { f.packets = append(f.packets, len(raw)) }
	f.rtcp = func([]rtcp.Packet, time.Time) { f.compounds++ }
	return f
}

func (f *far) send(t *testing.T, size int) {
	t.Helper()
	b := rtpPacket(1, 0, size)
	f.number++
	b[2], b[3] = byte(f.number>>8), byte(f.number)
	b, err := f.outbound.EncryptRTP(nil, b, &f.header)
	if err != nil {
		t.Fatal(err)
	}
	f.packet(b, way{}, time.Now())
}

func (f *far) report(t *testing.T, packets ...rtcp.Packet) {
	t.Helper()
	b, err := rtcp.Marshal(packets)
	if err == nil {
		b, err = f.outbound.EncryptRTCP(nil, b, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.packet(b, way{}, time.Now())
}

// Media is kept while the handshake goes on, if there are keys, and not before
// nor without bound; it gets through while the connection is open.
func TestWhatATransportLetsThrough(t *testing.T) {
	f := newFar(t)
	f.send(t, 100) // no keys yet
	f.agreed(zeroKeys(), srtp.ProtectionProfileAeadAes128Gcm)
	for range maxEarly + 10 {
		f.send(t, 200)
	}
	if len(f.packets) > 0 {
		t.Fatalf("%d packets got through before the handshake ended", len(f.packets))
	}
	f.begin()
	if len(f.packets) != maxEarly || f.packets[0] != 200 {
		t.Errorf("%d of the packets that were early got through, the first of %d bytes", len(f.packets), f.packets[0])
	}
	f.begin() // once is enough
	f.send(t, 300)
	f.report(t, &rtcp.ReceiverReport{SSRC: 1})
	b := rtpPacket(1, 0, 300)
	f.packet(b, way{}, time.Now()) // of somebody else
	if len(f.packets) != maxEarly+1 || f.compounds != 1 {
		t.Errorf("%d packets and %d reports got through", len(f.packets)-maxEarly, f.compounds)
	}
	f.close()
	f.send(t, 400)
	f.report(t, &rtcp.ReceiverReport{SSRC: 1})
	if len(f.packets) != maxEarly+1 || f.compounds != 1 {
		t.Error("something got through after the end")
	}
}

func TestWhatIsTooLongIsDropped(t *testing.T) {
	f := newFar(t)
	f.agreed(zeroKeys(), srtp.ProtectionProfileAeadAes128Gcm)
	f.begin()
	protection := 16 // bytes that GCM adds
	for _, size := range []int{maxRTP - protection, maxRTP - protection + 1, 9000, 60000} {
		f.send(t, size)
	}
	if len(f.packets) != 1 || f.packets[0] != maxRTP-protection {
		t.Errorf("packets of %v bytes got through", f.packets)
	}
	congestion := func(statuses uint16) rtcp.Packet {
		return &rtcp.TransportLayerCC{
			Header:             rtcp.Header{Padding: true, Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
			PacketStatusCount:  statuses,
			PacketChunks:       []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{Type: rtcp.TypeTCCRunLengthChunk, RunLength: statuses}},
			BaseSequenceNumber: 1,
		}
	}
	for _, c := range []struct {
		name    string
		packets []rtcp.Packet
		passes  bool
	}{
		{"one report", []rtcp.Packet{congestion(maxStatuses)}, true},
		{"one that speaks of too much", []rtcp.Packet{congestion(maxStatuses + 1)}, false},
		{"two", []rtcp.Packet{congestion(maxStatuses / 2), congestion(maxStatuses / 2)}, true},
		{"two that speak of too much together", []rtcp.Packet{congestion(maxStatuses), congestion(1)}, false},
		{"a long one", slices.Repeat([]rtcp.Packet{&rtcp.TransportLayerNack{Nacks: make([]rtcp.NackPair, 250)}}, 8), true},
		{"one that is too long", slices.Repeat([]rtcp.Packet{&rtcp.TransportLayerNack{Nacks: make([]rtcp.NackPair, 250)}}, 9), false},
	} {
		f.compounds = 0
		f.report(t, c.packets...)
		if (f.compounds > 0) != c.passes {
			t.Errorf("%s: got through %v", c.name, f.compounds > 0)
		}
	}
}

// Nothing leaves before the peer has shown who it is, and nothing after the end.
func TestWhenATransportSends(t *testing.T) {
	conn, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer := newReceiver(t, conn, "127.0.0.1")
	tr := &transport{engine: &Engine{conn: conn, pool: (*forward.Pool)(nil)}}
	h := &rtp.Header{Version: 2, PayloadType: 96}
	try := func() (media, report error) {
		return tr.sendRTP(h, []byte{1}, true), tr.sendRTCP(&rtcp.ReceiverReport{SSRC: 1})
	}
	for _, step := range []struct {
		name string
		do   func()
		open bool
	}{
		{"at first", func() {}, false},
		{"with a way", func() { tr.selectPair(peer.addr.Addr().Unmap().String(), peer.addr.Port(), false, true) }, false},
		{"with keys", func() { tr.agreed(zeroKeys(), srtp.ProtectionProfileAeadAes128Gcm) }, false},
		{"after the handshake", tr.begin, true},
		{"after the end", tr.close, false},
	} {
		step.do()
		media, report := try()
		if (media == nil) != step.open || (report == nil) != step.open {
			t.Errorf("%s: %v, %v", step.name, media, report)
		}
	}
	conn.flush()
	if _, mark := peer.take(t); mark != 0 {
		t.Errorf("the report left marked %#x, or behind what waited", mark)
	}
	if _, mark := peer.take(t); mark != markVoice {
		t.Errorf("sound left marked %#x", mark)
	}
}
