package load

import "encoding/binary"

// stamp is what each picture carries through any server, also one that packs
// pictures anew: when it was sent, and its number.
type stamp struct {
	sent    int64 // ns since 1970
	frame   uint32
	packets uint16 // that the picture was sent in
}

const stampSize = 4 + 8 + 4 + 2

var stampMark = [4]byte{'u', 'b', 'n', '1'}

func (s stamp) append(b []byte) []byte {
	b = append(b, stampMark[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.sent))
	b = binary.BigEndian.AppendUint32(b, s.frame)
	return binary.BigEndian.AppendUint16(b, s.packets)
}

func readStamp(b []byte) (s stamp, ok bool) {
	if len(b) < stampSize || [4]byte(b) != stampMark {
		return s, false
	}
	return stamp{
		sent: int64(binary.BigEndian.Uint64(b[4:])), frame: binary.BigEndian.Uint32(b[12:]),
		packets: binary.BigEndian.Uint16(b[16:]),
	}, true
}

// maxPayload of a packet, in bytes.
const maxPayload = 1100

// packVP8 packs a frame (RFC 7741 §4). The stamp stands behind the frame's last
// partition, where decoders do not look: it is in the last packet, and so tells
// when the whole picture has arrived.
func packVP8(frame []byte, picture uint16, tl0 uint8, s stamp) (payloads [][]byte) {
	const descriptor = 6
	room := maxPayload - descriptor
	total := len(frame) + stampSize
	n := (total + room - 1) / room
	s.packets = uint16(n)
	data := s.append(append(make([]byte, 0, total), frame...))
	for i := range n {
		begin, end := i*total/n, (i+1)*total/n
		if i == n-1 && end-begin < stampSize {
			begin = end - stampSize
		}
		first := byte(0x80) // X
		if i == 0 {
			first |= 0x10 // S
		}
		p := []byte{first, 0xe0, 0x80 | byte(picture>>8), byte(picture), tl0, 0} // I, L, T
		payloads = append(payloads, append(p, data[begin:end]...))
	}
	return payloads
}

// seiUser is the type of user_data_unregistered (ITU-T H.264 §D.1.7); the UUID
// is ours.
const seiUser = 5

var seiUUID = [16]byte{0x75, 0x6d, 0x62, 0x72, 0x65, 0x6c, 0x6c, 0x61, 0x2d, 0x62, 0x65, 0x6e, 0x63, 0x68, 0x2d, 0x31}

// packH264 packs an access unit (RFC 6184 §5). The stamp is an SEI message
// ahead of the slice, in the first packet.
func packH264(nals [][]byte, s stamp) (payloads [][]byte) {
	var small [][]byte // parameter sets and the SEI, to go together
	var slice []byte
	for _, n := range nals {
		switch n[0] & 0x1f {
		case 1, 5:
			slice = n
		case 7, 8:
			small = append(small, n)
		}
	}
	fragments := (len(slice) - 1 + maxPayload - 3) / (maxPayload - 2)
	s.packets = uint16(1 + fragments)
	sei := append([]byte{0x06, seiUser, byte(len(seiUUID) + 2*stampSize)}, seiUUID[:]...)
	// Two bits in each byte are always set, so that no start code comes about.
	for _, b := range s.append(nil) {
		sei = append(sei, 0x40|b>>4, 0x40|b&0x0f)
	}
	small = append(small, append(sei, 0x80))
	together := []byte{24} // STAP-A
	for _, n := range small {
		together = append(binary.BigEndian.AppendUint16(together, uint16(len(n))), n...)
	}
	payloads = append(payloads, together)
	body := slice[1:]
	for i := range fragments {
		begin, end := i*len(body)/fragments, (i+1)*len(body)/fragments
		h := slice[0] & 0x1f
		if i == 0 {
			h |= 0x80
		}
		if i == fragments-1 {
			h |= 0x40
		}
		payloads = append(payloads, append([]byte{slice[0]&0xe0 | 28, h}, body[begin:end]...)) // FU-A
	}
	return payloads
}

// findStamp looks for the stamp in a payload of either codec.
func findStamp(codec string, payload []byte) (stamp, bool) {
	if codec == "vp8" {
		if len(payload) < stampSize {
			return stamp{}, false
		}
		return readStamp(payload[len(payload)-stampSize:])
	}
	for i := 0; i+len(seiUUID)+2*stampSize <= len(payload) && i < 200; i++ {
		if [16]byte(payload[i:]) != seiUUID {
			continue
		}
		var b [stampSize]byte
		for j := range b {
			at := i + len(seiUUID) + 2*j
			b[j] = payload[at]<<4 | payload[at+1]&0x0f
		}
		return readStamp(b[:])
	}
	return stamp{}, false
}
