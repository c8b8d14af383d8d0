package rtc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// receiver is a peer with a socket of its own, that has knocked at c.
type receiver struct {
	*net.UDPConn
	addr netip.AddrPort
}

func newReceiver(t *testing.T, c *mediaConn, ip string) receiver {
	t.Helper()
	to := &net.UDPAddr{IP: net.ParseIP(ip), Port: c.LocalAddr().(*net.UDPAddr).Port}
	conn, err := net.DialUDP("udp", nil, to)
	if err != nil {
		t.Skipf("no %s here: %v", ip, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1)
	}); err != nil {
		t.Fatal(err)
	}
	session := listenFor(c, &transport{engine: &Engine{conn: c}})
	if _, err := conn.Write(bindingRequest(t, session)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, from, err := c.ReadFromAddrPort(make([]byte, 200))
	if err != nil {
		t.Fatal(err)
	}
	return receiver{conn, from}
}

// take reads one packet, and the TOS octet it came with.
func (r receiver) take(t *testing.T) ([]byte, int) {
	t.Helper()
	if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b, oob := make([]byte, 2000), make([]byte, 200)
	n, oobn, _, _, err := r.ReadMsgUDP(b, oob)
	if err != nil {
		t.Fatal(err)
	}
	mark := -1
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_TOS:
			mark = int(m.Data[0])
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_TCLASS:
			mark = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return b[:n], mark
}

const voice = 7 // SSRC of sound

// keep leaves a packet for a peer until flush, as a transport does.
func keep(c *mediaConn, o *outlet, b []byte) {
	o.mu.Lock()
	copy(o.room(len(b), &c.spares), b)
	o.commit(len(b), binary.BigEndian.Uint32(b[8:]) == voice)
	dirty := !o.queued
	o.queued = true
	o.mu.Unlock()
	if dirty {
		c.queue(o)
	}
}

func rtpPacket(ssrc uint32, number, size int) []byte {
	b := bytes.Repeat([]byte{byte(number)}, size)
	b[0], b[1] = 0x80, 96
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return b
}

// What is written leaves at the flush, whole, in order and marked, whatever the
// sizes and whether or not the kernel cuts it.
func TestBurstLeavesAsItWasWritten(t *testing.T) {
	sizes := []int{1000, 1000, 1000, 400, 1000, 1001, 1001, 200, 200, 1200, 60, 61}
	for _, ip := range []string{"127.0.0.1", "::1"} {
		for _, whole := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s whole %v", ip, whole), func(t *testing.T) {
				c, err := listenMedia(0)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if !whole && !c.segments {
					t.Skip("this kernel has no UDP_SEGMENT")
				}
				c.segments = !whole
				peers := []receiver{newReceiver(t, c, ip), newReceiver(t, c, ip)}
				var sent [][]byte
				for i, size := range sizes {
					ssrc := uint32(1)
					if i%5 == 3 {
						ssrc = voice
					}
					p := rtpPacket(ssrc, i, size)
					sent = append(sent, p)
					for _, peer := range peers {
						keep(c, c.peer(peer.addr), p)
					}
				}
				c.flush()
				for _, peer := range peers {
					for i, want := range sent {
						got, mark := peer.take(t)
						if !bytes.Equal(got, want) {
							t.Fatalf("packet %d: got %d bytes of number %d, want %d bytes", i, len(got), got[20], len(want))
						}
						wantMark := markVideo
						if i%5 == 3 {
							wantMark = markVoice
						}
						if mark != wantMark {
							t.Errorf("packet %d is marked %#x, want %#x", i, mark, wantMark)
						}
					}
				}
			})
		}
	}
}

// A way that takes no segments, here for a datagram that is larger than the
// MTU, still gets every packet, and is remembered.
func TestKernelThatWillNotCut(t *testing.T) {
	c, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !c.segments {
		t.Skip("this kernel has no UDP_SEGMENT")
	}
	peer := newReceiver(t, c, "127.0.0.1")
	o := c.peer(peer.addr)
	// Segments that do not fit the device are refused with EINVAL, as the kernel
	// refuses them on a card without checksums with EIO.
	keep(c, o, rtpPacket(1, 0, 1500))
	keep(c, o, rtpPacket(1, 1, 1500))
	o.runs[0].segment = 20 // 150 segments: more than it takes
	c.flush()
	for range 3000 / 20 {
		if got, _ := peer.take(t); len(got) != 20 {
			t.Fatalf("got %d bytes", len(got))
		}
	}
	if !o.whole {
		t.Error("the next burst would fail again")
	}
}

// What the kernel joined on the way in is taken apart again.
func TestJoinedPacketsAreTakenApart(t *testing.T) {
	from, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(to.LocalAddr().(*net.UDPAddr).Port))
	o := from.newOutlet(addr, netip.MustParseAddr("127.0.0.1"), nil)
	var sent [][]byte
	for i := range 40 {
		size := 1000
		if i%7 == 6 {
			size = 300
		}
		p := rtpPacket(1, i, size)
		sent = append(sent, p)
		keep(from, o, p)
	}
	from.flush()
	in := &to.intake
	for i := 0; i < len(sent); {
		if in.next == in.filled {
			if err := to.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if err := in.fill(to); err != nil {
				t.Fatal(err)
			}
		}
		for in.open(); len(in.rest) > 0; i++ {
			if got := in.cut(); !bytes.Equal(got, sent[i]) {
				t.Fatalf("packet %d: got %d bytes of number %d", i, len(got), got[20])
			}
		}
	}
}

func BenchmarkBurst(b *testing.B) {
	c, err := listenMedia(0)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	addr := sink.LocalAddr().(*net.UDPAddr).AddrPort()
	o := c.newOutlet(addr, addr.Addr(), nil)
	p := rtpPacket(1, 0, 1100)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		keep(c, o, p)
		if i%6 == 5 {
			c.flush()
		}
	}
}
