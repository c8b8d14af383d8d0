package nal

import "encoding/binary"

// MaxPayload is the size of the largest payload that a Packetizer makes, in
// bytes. With the header of RTP (12), header extensions (20), the number of a
// retransmission (2) and the tag of SRTP (16) it fits an IPv6 packet of 1280 bytes,
// also in a channel of TURN (4), with 16 to spare.
const MaxPayload = 1162

// Packetizer makes RTP payloads of pictures: parameter sets together in one
// (STAP-A, or an aggregation packet), what does not fit in fragments. It is
// not safe for concurrent use.
type Packetizer struct {
	Codec Codec

	buf [MaxPayload]byte
}

// Pack calls emit with each payload of a picture; marker is true for the last
// one. A payload is emit's until it returns.
func (p *Packetizer) Pack(units [][]byte, emit func(payload []byte, marker bool)) {
	for len(units) > 0 {
		n := p.together(units)
		last := n == len(units)
		switch {
		case n > 1:
			emit(p.aggregate(units[:n]), last)
		case len(units[0]) <= MaxPayload:
			emit(units[0], last)
		default:
			p.fragment(units[0], last, emit)
		}
		units = units[n:]
	}
}

// together tells how many of the next units fit one payload. Pictures travel by
// themselves: browsers look for parameter sets ahead of them.
func (p *Packetizer) together(units [][]byte) int {
	size := p.header()
	for i, u := range units {
		size += 2 + len(u)
		if !p.Codec.parameters(p.Codec.typeOf(u)) || size > MaxPayload {
			return max(i, 1)
		}
	}
	return len(units)
}

// header is the size of a NAL unit header, in bytes.
func (p *Packetizer) header() int {
	if p.Codec == H265 {
		return 2
	}
	return 1
}

func (p *Packetizer) aggregate(units [][]byte) []byte {
	b := p.buf[:0]
	if p.Codec == H265 {
		// Layer and temporal id are the lowest of what is in it: parameter sets
		// have neither.
		b = append(b, h265Aggregation<<1, 1)
	} else {
		ref := byte(0)
		for _, u := range units {
			ref = max(ref, u[0]&h264Reference)
		}
		b = append(b, ref|h264StapA)
	}
	for _, u := range units {
		b = binary.BigEndian.AppendUint16(b, uint16(len(u)))
		b = append(b, u...)
	}
	return b
}

func (p *Packetizer) fragment(unit []byte, last bool, emit func([]byte, bool)) {
	head := p.header()
	typ := p.Codec.typeOf(unit)
	body := unit[head:]
	room := MaxPayload - head - 1
	// Parts of about one size: they are sent together the cheapest.
	parts := (len(body) + room - 1) / room
	size := (len(body) + parts - 1) / parts
	for start := true; len(body) > 0; start = false {
		n := min(size, len(body))
		end := n == len(body)
		flags := byte(typ)
		if start {
			flags |= 0x80
		}
		if end {
			flags |= 0x40
		}
		b := p.buf[:0]
		if p.Codec == H265 {
			b = append(b, unit[0]&0x81|h265Fragment<<1, unit[1], flags)
		} else {
			b = append(b, unit[0]&0xe0|h264FuA, flags)
		}
		emit(append(b, body[:n]...), last && end)
		body = body[n:]
	}
}
