package forward

import (
	"encoding/binary"
	"errors"

	"umbrella/internal/codec"
)

// Packet is one RTP packet (RFC 3550 §5.1) as far as forwarding has to know
// it. Payload points into the bytes that were parsed.
type Packet struct {
	SequenceNumber uint16
	Timestamp      uint32
	SSRC           uint32
	PayloadType    uint8
	Marker         bool
	// Info is what the payload says of its picture.
	Info codec.Info
	// Dependency is the Dependency Descriptor, in the bytes that were parsed.
	Dependency []byte
	late       bool  // newer ones came before it
	resumed    bool  // what came before it was held back
	pad        uint8 // bytes of padding to leave with
	// Payload is what stands behind the header, without padding. It is empty in
	// a packet that is nothing but padding.
	Payload []byte

	// AudioLevel is the level of RFC 6464 in -dBov, 0 the loudest, 127 silence.
	AudioLevel    uint8
	HasAudioLevel bool
	// Orientation is the byte of 3GPP TS 26.114 §7.4.5: how to turn the picture.
	Orientation    uint8
	HasOrientation bool
}

// ExtensionIDs says under which ids the header extensions (RFC 8285) come in;
// 0 is one that was not negotiated.
type ExtensionIDs struct {
	AudioLevel  uint8
	Orientation uint8
	Dependency  uint8
}

var (
	errShort   = errors.New("rtp: packet is shorter than its header says")
	errVersion = errors.New("rtp: version is not 2")
	errPadding = errors.New("rtp: more padding than payload")
)

const (
	oneByteProfile = 0xBEDE
	twoByteProfile = 0x1000 // the lowest four bits are the application's
)

// parse reads raw into p. Info is left for the codec to tell.
func (p *Packet) parse(raw []byte, ids ExtensionIDs) error {
	if len(raw) < 12 {
		return errShort
	}
	if raw[0]>>6 != 2 {
		return errVersion
	}
	*p = Packet{
		Marker:         raw[1]&0x80 != 0,
		PayloadType:    raw[1] & 0x7f,
		SequenceNumber: binary.BigEndian.Uint16(raw[2:]),
		Timestamp:      binary.BigEndian.Uint32(raw[4:]),
		SSRC:           binary.BigEndian.Uint32(raw[8:]),
	}
	n := 12 + 4*int(raw[0]&0x0f)
	if raw[0]&0x10 != 0 {
		if len(raw) < n+4 {
			return errShort
		}
		profile := binary.BigEndian.Uint16(raw[n:])
		size := 4 * int(binary.BigEndian.Uint16(raw[n+2:]))
		n += 4
		if len(raw) < n+size {
			return errShort
		}
		switch {
		case profile == oneByteProfile:
			p.oneByteExtensions(raw[n:n+size], ids)
		case profile&0xfff0 == twoByteProfile:
			p.twoByteExtensions(raw[n:n+size], ids)
		}
		n += size
	}
	if len(raw) < n {
		return errShort
	}
	end := len(raw)
	if raw[0]&0x20 != 0 {
		pad := int(raw[end-1])
		if pad == 0 || end-pad < n {
			return errPadding
		}
		end -= pad
	}
	p.Payload = raw[n:end]
	return nil
}

// oneByteExtensions reads the form of RFC 8285 §4.2. What is cut short is
// ignored: an extension is never worth the packet.
func (p *Packet) oneByteExtensions(b []byte, ids ExtensionIDs) {
	for len(b) > 0 {
		id, size := b[0]>>4, int(b[0]&0x0f)+1
		if id == 0 { // padding
			b = b[1:]
			continue
		}
		if id == 15 || len(b) < 1+size {
			return
		}
		p.extension(id, b[1:1+size], ids)
		b = b[1+size:]
	}
}

// twoByteExtensions reads the form of RFC 8285 §4.3.
func (p *Packet) twoByteExtensions(b []byte, ids ExtensionIDs) {
	for len(b) > 0 {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return
		}
		size := int(b[1])
		p.extension(b[0], b[2:2+size], ids)
		b = b[2+size:]
	}
}

func (p *Packet) extension(id uint8, value []byte, ids ExtensionIDs) {
	if len(value) == 0 {
		return
	}
	switch id {
	case ids.AudioLevel:
		p.AudioLevel, p.HasAudioLevel = value[0]&0x7f, true
	case ids.Orientation:
		p.Orientation, p.HasOrientation = value[0], true
	case ids.Dependency:
		p.Dependency = value
	}
}

// newer tells whether sequence number a comes after b, across the wrap.
func newer(a, b uint16) bool { return int16(a-b) > 0 }
