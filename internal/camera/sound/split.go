package sound

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
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
}

var errAAC = errors.New("a packet of AAC that cannot be read")

func (g *genericSplit) units(p *Packet, yield func([]byte)) error {
	b := p.Payload
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
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return b
	}
	head := 7
	if b[1]&1 == 0 {
		head = 9 // with a checksum
	}
	length := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if length != len(b) || length <= head {
		return b
	}
	return b[head:]
}

// latmSplit reads MP4A-LATM (RFC 6416 §6.2).
type latmSplit struct {
	config *mpeg4audio.StreamMuxConfig
	part   collector
}

func (l *latmSplit) units(p *Packet, yield func([]byte)) error {
	if !l.part.add(p, p.Payload) {
		return errAAC
	}
	if !p.Marker {
		return nil
	}
	defer l.part.reset()
	e := mpeg4audio.AudioMuxElement{StreamMuxConfig: l.config}
	if err := e.Unmarshal(l.part.b); err != nil {
		return fmt.Errorf("%w: %w", errAAC, err)
	}
	for _, frame := range e.Payloads {
		for _, program := range frame {
			for _, layer := range program {
				yield(layer)
			}
		}
	}
	return nil
}
