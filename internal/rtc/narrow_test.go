package rtc

import (
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"

	"umbrella/internal/forward"
)

// The reports of many streams together were one packet of several kilobytes, which
// vanishes on paths that carry 1280 bytes.
func TestReportsFitSmallPackets(t *testing.T) {
	conn, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer := newReceiver(t, conn, "127.0.0.1")
	tr := &transport{engine: &Engine{conn: conn, pool: (*forward.Pool)(nil)}}
	tr.selectPair(peer.addr.Addr().Unmap().String(), peer.addr.Port(), false, true)
	tr.agreed(zeroKeys(), srtp.ProtectionProfileAeadAes128Gcm)
	tr.begin()
	conn.peer(peer.addr).remote.proven.Store(true)
	in, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	const streams = 128
	var reports []rtcp.Packet
	for i := range streams {
		reports = append(reports, &rtcp.SenderReport{SSRC: uint32(i + 1)})
	}
	if err := tr.sendRTCP(reports...); err != nil {
		t.Fatal(err)
	}
	seen := map[uint32]bool{}
	for len(seen) < streams {
		b, _ := peer.take(t)
		if len(b) > 1280-48 {
			t.Fatalf("a packet of %d bytes", len(b))
		}
		plain, err := in.DecryptRTCP(nil, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, err := rtcp.Unmarshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			seen[p.(*rtcp.SenderReport).SSRC] = true
		}
	}
}

// How packets arrived is told before the message outgrows a small packet: 2000 of
// them may come within one turn of the clock.
func TestFeedbackOfManyPacketsIsToldAtOnce(t *testing.T) {
	a := &arrivals{streams: map[uint32]*stream{}, recorded: maxRecorded, hasNumbers: true, congestion: twcc.NewRecorder(1)}
	for n := range uint16(maxRecorded) {
		a.congestion.Record(1, n, int64(n))
	}
	if list := a.feedback(1, time.Now(), false, false); len(list) == 0 {
		t.Error("nothing is told")
	}
}

// Packets of IPv4 that are larger than a path carries are cut on the way, and do not
// vanish: programs that publish by WHIP send up to 1500 bytes.
func TestLargePacketsMayBeCut(t *testing.T) {
	conn, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var how int
	if e := raw.Control(func(fd uintptr) { how, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	if how != unix.IP_PMTUDISC_DONT {
		t.Errorf("IP_MTU_DISCOVER is %d: packets that leave by themselves may not be cut", how)
	}
}
