// Package inet opens connections for the parts that need more than the system's
// defaults: TCP that fits narrow paths, and names of multicast DNS.
package inet

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// LeastMTU is the size of IP packet that every path has to carry, in bytes (RFC
	// 8200 §5). Larger packets vanish on paths that are narrow, such as tunnels of
	// WireGuard and Tailscale, and whose routers are not allowed to say so by ICMP.
	LeastMTU = 1280
	// MaxUDPPayload is what fits such a packet behind the headers of IPv6 and UDP.
	MaxUDPPayload = LeastMTU - 40 - 8
	// maxSegment is what fits it behind the headers of IPv6 and TCP.
	maxSegment = LeastMTU - 40 - 20
)

// SmallSegments is the Control of a net.Dialer or net.ListenConfig for TCP: no packet
// of the connections is larger than LeastMTU, in either direction.
func SmallSegments(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		// Without it, everything works on paths that carry usual packets.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, maxSegment)
	})
}
