package rtsp

import (
	"encoding/binary"

	"github.com/pion/rtcp"
)

const authTag = 10 // bytes of HMAC-SHA1-80

// withoutMKI leaves the Master Key Identifier out of an SRTP or SRTCP packet: it stands
// before the authentication tag, which does not cover it (RFC 3711 §3.1).
func withoutMKI(packet []byte, mki int) []byte {
	if len(packet) < mki+authTag {
		return packet
	}
	tag := packet[len(packet)-authTag:]
	return append(packet[:len(packet)-authTag-mki], tag...)
}

// controlPackets leaves out of a compound RTCP packet what cannot be read, so that the
// library takes the rest: an SDES of Hanwha cameras has no null octet at the end
// (bluenviron/mediamtx#5355), and lengths may be too large.
func controlPackets(packet []byte, secure bool, mki int) []byte {
	if secure {
		if mki > 0 {
			packet = withoutMKI(packet, mki)
		}
		return packet
	}
	if _, err := rtcp.Unmarshal(packet); err == nil {
		return packet
	}
	out := packet[:0]
	for len(packet) >= 4 && packet[0]>>6 == 2 {
		n := 4 * (int(binary.BigEndian.Uint16(packet[2:])) + 1)
		if n > len(packet) {
			break
		}
		one := packet[:n]
		packet = packet[n:]
		if _, err := rtcp.Unmarshal(one); err == nil {
			out = append(out, one...)
		}
	}
	return out
}
