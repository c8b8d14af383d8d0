package rtc

import (
	"bytes"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// burst is packets of two pictures, of which the kernel is to cut each, and one
// of sound between them, for each peer.
func burst(c *mediaConn, peers ...receiver) (sent [][]byte) {
	for i, size := range []int{900, 900, 900, 700, 120, 1000, 1000, 1000, 1000, 20} {
		ssrc := uint32(1)
		if size == 120 {
			ssrc = voice
		}
		p := rtpPacket(ssrc, i, size)
		sent = append(sent, p)
		for _, peer := range peers {
			keep(c, c.peer(peer.addr), p)
		}
	}
	return sent
}

func (r receiver) want(t *testing.T, packets [][]byte) {
	t.Helper()
	for i, want := range packets {
		if got, _ := r.take(t); !bytes.Equal(got, want) {
			t.Fatalf("packet %d: got %d bytes of number %d, want %d bytes", i, len(got), got[20], len(want))
		}
	}
}

// What the kernel refuses costs no more packets than it has to, and is only
// remembered where it stays so.
func TestSendingWhatTheKernelRefuses(t *testing.T) {
	type refuse = func(call int, list []mmsghdr) (int, syscall.Errno, bool)
	always := func(errno syscall.Errno) refuse {
		return func(int, []mmsghdr) (int, syscall.Errno, bool) { return -1, errno, true }
	}
	// The third call refuses its first message; it is the first of the two that
	// a second burst makes.
	third := func(errno syscall.Errno) refuse {
		return func(call int, _ []mmsghdr) (int, syscall.Errno, bool) { return -1, errno, call == 2 }
	}
	for _, c := range []struct {
		name    string
		refuse  refuse
		lost    int  // first packets of the second burst
		whole   bool // remembered: no segments on this way
		one     bool // remembered: no sendmmsg
		segment bool // the error is about segments
	}{
		{name: "no sendmmsg", refuse: always(unix.ENOSYS), one: true},
		{name: "sendmmsg forbidden by a sandbox", refuse: always(unix.EPERM), one: true},
		{name: "forbidden by a firewall", refuse: third(unix.EPERM), lost: 4},
		{name: "no route for a moment", refuse: third(unix.ENETUNREACH), lost: 4},
		{name: "no memory for a moment", refuse: third(unix.ENOBUFS), lost: 4},
		{name: "no checksums", refuse: third(unix.EIO), whole: true, segment: true},
		{name: "segments too large", refuse: third(unix.EMSGSIZE), whole: true, segment: true},
		{name: "segments that do not fit", refuse: third(unix.EINVAL), whole: true, segment: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := listenMedia(0)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if !conn.segments {
				t.Skip("this kernel has no UDP_SEGMENT")
			}
			calls := 0
			conn.kernel.sendmmsg = func(fd uintptr, list []mmsghdr) (int, syscall.Errno) {
				n, errno, refused := c.refuse(calls, list)
				calls++
				if refused {
					return n, errno
				}
				// One at a time, so that the calls can be told apart.
				return sendmmsg(fd, list[:1])
			}
			peer := newReceiver(t, conn, "127.0.0.1")
			o := conn.peer(peer.addr)
			p := rtpPacket(1, 1, 500)
			keep(conn, o, p)
			conn.flush()
			keep(conn, o, p)
			conn.flush()
			peer.want(t, [][]byte{p, p})
			sent := burst(conn, peer)
			conn.flush()
			peer.want(t, sent[c.lost:])
			if o.whole != c.whole {
				t.Errorf("whole is %v", o.whole)
			}
			if one := conn.kernel.sendsOne.Load(); one != c.one {
				t.Errorf("one message with each call: %v", one)
			}
			sent = burst(conn, peer)
			conn.flush()
			peer.want(t, sent)
			if c.one && calls > 1 {
				t.Errorf("a call that is not there was made %d times", calls)
			}
		})
	}
}

// A full socket holds nobody up and loses nothing: what it did not take leaves
// when it has room, in order, and what came meanwhile after it.
func TestFullSocketIsWaitedForByNobody(t *testing.T) {
	for _, whole := range []bool{false, true} {
		c, err := listenMedia(0)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.segments = c.segments && !whole
		var full atomic.Int32
		var calls atomic.Int32
		c.kernel.sendmmsg = func(fd uintptr, list []mmsghdr) (int, syscall.Errno) {
			if full.Load() > 0 && calls.Add(1)%2 == 0 { // it takes a message now and then
				full.Add(-1)
				return -1, unix.EAGAIN
			}
			return sendmmsg(fd, list[:1])
		}
		peers := []receiver{newReceiver(t, c, "127.0.0.1"), newReceiver(t, c, "127.0.0.1")}
		full.Store(7)
		sent := burst(c, peers...)
		c.flush()
		sent = append(sent, burst(c, peers...)...)
		c.flush()
		for _, peer := range peers {
			peer.want(t, sent)
		}
		if left := full.Load(); left > 0 {
			t.Errorf("the socket was full %d times less than it should have been", left)
		}
	}
}

// Who reads the media port for us ends at the first error: none is passed on
// that another read need not have.
func TestReadingGoesOn(t *testing.T) {
	c, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	errnos := []syscall.Errno{unix.ECONNREFUSED, unix.ENETUNREACH, unix.ENOMEM, unix.ENOSYS}
	calls := 0
	c.kernel.recvmmsg = func(uintptr, []mmsghdr) (int, syscall.Errno) {
		calls++
		return -1, errnos[calls-1] // the last is not asked again
	}
	for range 3 {
		peer := newReceiver(t, c, "127.0.0.1") // reads what it sent
		if got := c.peer(peer.addr); got == nil || got.local.Unmap() != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("where it was sent to is read as %v", got)
		}
	}
	if calls != len(errnos) {
		t.Errorf("recvmmsg was called %d times", calls)
	}
	c.kernel.recvmsg = func(uintptr, *unix.Msghdr) (int, syscall.Errno) { return -1, unix.EBADF }
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadFromAddrPort(make([]byte, 100)); err == nil {
		t.Error("reading a socket that is none goes on for ever")
	}
}
