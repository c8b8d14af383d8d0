package sound

import (
	"errors"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
)

// wholeSplit: a payload is a unit.
type wholeSplit struct{}

func (wholeSplit) units(p *Packet, yield func([]byte)) error {
	yield(p.Payload)
	return nil
}

// collector gathers what is spread over packets.
type collector struct {
	b    []byte
	next uint16
	on   bool
}

// maxUnit bounds an access unit of AAC: 6144 bits for each of its channels, and
// what cameras add.
const maxUnit = 16 << 10

// add takes a piece; it returns false if there is nothing to add it to, or too
// much.
func (c *collector) add(p *Packet, b []byte) bool {
	if c.on && p.Sequence != c.next || len(c.b)+len(b) > maxUnit {
		*c = collector{b: c.b[:0]}
		return false
	}
	c.b, c.next, c.on = append(c.b, b...), p.Sequence+1, true
	return true
}

func (c *collector) reset() { *c = collector{b: c.b[:0]} }

// genericSplit reads mpeg4-generic (RFC 3640 §3.2). The fields are the lengths
// of what an AU header has, in bits.
type genericSplit struct {
	size, index, delta int
	part               collector
	want               int // size of the unit that is spread over packets
	adts               bool
}

var errAAC = errors.New("a packet of AAC that cannot be read")

func (g *genericSplit) units(p *Packet, yield func([]byte)) error {
	b := p.Payload
	if g.adts = (g.adts && g.part.on) || adtsSize(b) > 0; g.adts {
		return g.frames(p, yield)
	}
	if len(b) < 2 || g.size <= 0 || g.size > 16 {
		return errAAC
	}
	length := int(b[0])<<8 | int(b[1]) // of the headers, in bits
	b = b[2:]
	if (length+7)/8 > len(b) || length < g.size {
		g.part.reset()
		return errAAC
	}
	head, body := b[:(length+7)/8], b[(length+7)/8:]
	for at, first := 0, true; at+g.size <= length; first = false {
		size, err := bits.ReadBits(head, &at, g.size)
		if err != nil {
			return errAAC
		}
		if first {
			at += g.index
		} else {
			at += g.delta
		}
		n := int(size)
		if n > len(body) || g.part.on {
			return g.piece(p, n, body, yield)
		}
		yield(withoutADTS(body[:n]))
		body = body[n:]
	}
	return nil
}

// frames reads frames of ADTS, which some cameras send in place of AU headers and
// units: several in a packet, or one in several.
func (g *genericSplit) frames(p *Packet, yield func([]byte)) error {
	if !g.part.add(p, p.Payload) {
		return errAAC
	}
	b := g.part.b
	for len(b) > 0 {
		n := adtsSize(b)
		if n == 0 {
			g.part.reset()
			return errAAC
		}
		if n > len(b) {
			break
		}
		yield(withoutADTS(b[:n]))
		b = b[n:]
	}
	g.part.b = g.part.b[:copy(g.part.b, b)]
	g.part.on = len(b) > 0
	return nil
}

// adtsSize is the size of a frame with its header, as this says (ISO/IEC 13818-7 §6.2);
// 0 if it is none. AU headers cannot be taken for one: they would be longer than any
// packet with AAC.
func adtsSize(b []byte) int {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return 0
	}
	n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if n <= 7 {
		return 0
	}
	return n
}

// piece takes a part of a unit that does not fit one packet: each part has the
// size of the whole.
func (g *genericSplit) piece(p *Packet, size int, b []byte, yield func([]byte)) error {
	if g.part.on && size != g.want {
		g.part.reset()
	}
	g.want = size
	if !g.part.add(p, b) {
		return errAAC
	}
	if len(g.part.b) < size {
		if p.Marker {
			g.part.reset()
			return errAAC
		}
		return nil
	}
	yield(withoutADTS(g.part.b[:size]))
	g.part.reset()
	return nil
}

// withoutADTS takes off a header that some cameras leave on (ISO/IEC 13818-7
// §6.2).
func withoutADTS(b []byte) []byte {
	head := 7
	if len(b) > 1 && b[1]&1 == 0 {
		head = 9 // with a checksum
	}
	if n := adtsSize(b); n != len(b) || n <= head {
		return b
	}
	return b[head:]
}
