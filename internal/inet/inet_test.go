package inet

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// A connection that is accepted, and one that is dialled, has no packets of more than
// 1280 bytes: on loopback, whose own are of 64 KiB.
func TestSegments(t *testing.T) {
	for name, address := range map[string]string{"IPv4": "127.0.0.1:0", "IPv6": "[::1]:0"} {
		l, err := Listen(t.Context(), address)
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		d := net.Dialer{Control: SmallSegments}
		dialled, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer dialled.Close()
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		usual, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer usual.Close()
		for what, c := range map[string]net.Conn{"dialled": dialled, "accepted": accepted, "the other end": usual} {
			raw, err := c.(*net.TCPConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var size int
			if e := raw.Control(func(fd uintptr) { size, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG) }); e != nil || err != nil {
				t.Fatal(e, err)
			}
			if size > 1220 {
				t.Errorf("%s, %s: segments of %d bytes", name, what, size)
			}
		}
	}
}
