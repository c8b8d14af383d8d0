package rtsp

import (
	"encoding/binary"
	"iter"

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
	for one := range Controls(packet) {
		out = append(out, one...)
	}
	return out
}

// maxControls bounds a compound RTCP packet: cameras send a report, and what describes
// its source.
const maxControls = 16

// Controls yields what can be read of a compound RTCP packet (RFC 3550 §6.1), as bytes and
// as packets: what cannot be read does not spoil the rest.
func Controls(b []byte) iter.Seq2[[]byte, []rtcp.Packet] {
	const head = 4
	return func(yield func([]byte, []rtcp.Packet) bool) {
		for range maxControls {
			if len(b) < head || b[0]>>6 != 2 {
				return
			}
			size := min(head*(1+int(binary.BigEndian.Uint16(b[2:]))), len(b))
			one := b[:size]
			b = b[size:]
			if list, err := rtcp.Unmarshal(one); err == nil && !yield(one, list) {
				return
			}
		}
	}
}
