package forward

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pion/rtp"
)

func packetBytes(tb testing.TB, h rtp.Header, payload []byte) []byte {
	tb.Helper()
	h.Version = 2
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	h := rtp.Header{Marker: true, PayloadType: 96, SequenceNumber: 65535, Timestamp: 1 << 31, SSRC: 7,
		CSRC: []uint32{1, 2}}
	for _, x := range []struct {
		id    uint8
		value []byte
	}{{1, []byte("0")}, {2, []byte{0x80 | 33}}, {3, []byte{1, 2, 3}}, {4, []byte{5}}} {
		if err := h.SetExtension(x.id, x.value); err != nil {
			t.Fatal(err)
		}
	}
	var p Packet
	ids := ExtensionIDs{AudioLevel: 2, Orientation: 4}
	if err := p.parse(packetBytes(t, h, []byte("payload")), ids); err != nil {
		t.Fatal(err)
	}
	want := Packet{SequenceNumber: 65535, Timestamp: 1 << 31, SSRC: 7, PayloadType: 96, Marker: true,
		AudioLevel: 33, HasAudioLevel: true, Orientation: 5, HasOrientation: true}
	payload := p.Payload
	p.Payload = nil
	if !bytes.Equal(payload, []byte("payload")) || !equal(p, want) {
		t.Errorf("got %+v with %q, want %+v", p, payload, want)
	}

	t.Run("two-byte extensions", func(t *testing.T) {
		raw := packetBytes(t, rtp.Header{}, nil)
		raw[0] |= 0x10
		raw = append(raw, 0x10, 0x03, 0, 2, 0 /* padding */, 2, 1, 0x81, 200, 1, 9, 0)
		raw = append(raw, 'x')
		var p Packet
		if err := p.parse(raw, ExtensionIDs{AudioLevel: 2, Orientation: 200}); err != nil {
			t.Fatal(err)
		}
		if p.AudioLevel != 1 || p.Orientation != 9 || string(p.Payload) != "x" {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("padding", func(t *testing.T) {
		raw := append(packetBytes(t, rtp.Header{}, []byte("ab")), 0, 0, 3)
		raw[0] |= 0x20
		if err := p.parse(raw, ids); err != nil || string(p.Payload) != "ab" {
			t.Errorf("got %q, %v", p.Payload, err)
		}
	})
}

func equal(a, b Packet) bool {
	a.Payload, b.Payload = nil, nil
	return a.SequenceNumber == b.SequenceNumber && a.Timestamp == b.Timestamp && a.SSRC == b.SSRC &&
		a.PayloadType == b.PayloadType && a.Marker == b.Marker &&
		a.AudioLevel == b.AudioLevel && a.HasAudioLevel == b.HasAudioLevel &&
		a.Orientation == b.Orientation && a.HasOrientation == b.HasOrientation
}

func TestParseRefuses(t *testing.T) {
	good := packetBytes(t, rtp.Header{CSRC: []uint32{1}}, nil)
	for name, raw := range map[string][]byte{
		"nothing":            nil,
		"eleven bytes":       good[:11],
		"CSRC cut off":       good[:14],
		"version 1":          append([]byte{0x41}, good[1:]...),
		"extension cut off":  append([]byte{0x91}, append(bytes.Clone(good[1:]), 0xbe, 0xde)...),
		"extension too long": append([]byte{0x91}, append(bytes.Clone(good[1:]), 0xbe, 0xde, 0, 9, 1)...),
		"padding of 0":       append([]byte{0xa1}, append(bytes.Clone(good[1:]), 0)...),
		"padding over all":   append([]byte{0xa1}, append(bytes.Clone(good[1:]), 200)...),
	} {
		var p Packet
		if err := p.parse(raw, ExtensionIDs{}); err == nil {
			t.Errorf("%s: taken as %+v", name, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(packetBytes(f, rtp.Header{}, []byte("abc")))
	f.Add([]byte("\x90\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\xbe\xde\x00\x01\x10\x30\x21\x05xyz"))
	f.Add([]byte("\xb0\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x10\x00\x00\x01\x01\x01\x7f\x00xyz\x02\x02"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		var p Packet
		if err := p.parse(raw, ExtensionIDs{AudioLevel: 1, Orientation: 2}); err != nil {
			return
		}
		if len(p.Payload) > len(raw)-12 || p.AudioLevel > 127 {
			t.Errorf("impossible: %+v of %d bytes", p, len(raw))
		}
		if p.SequenceNumber != binary.BigEndian.Uint16(raw[2:]) {
			t.Errorf("sequence number %d", p.SequenceNumber)
		}
		// A library that reads it too reads the same.
		var other rtp.Packet
		if err := other.Unmarshal(bytes.Clone(raw)); err == nil && !bytes.Equal(other.Payload, p.Payload) {
			t.Errorf("payload %x, pion has %x", p.Payload, other.Payload)
		}
		if !bytes.Equal(before, raw) {
			t.Error("the packet was changed")
		}
	})
}
