package rtc

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"umbrella/internal/forward"
)

// desk is arrivals with what a publisher keeps of encodings, and no more.
type desk struct {
	arrivals
	t    *testing.T
	made []string // encodings, in the order in which they were asked for
	now  time.Time
	n    uint16
	by   map[string]*encoding // by mid and rid
}

const (
	deskMid, deskRID, deskRepaired = 1, 2, 3
	vp8Type, vp8RTX, vp9Type       = 96, 97, 98
	opusType, eventsType           = 111, 126
)

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), by: map[string]*encoding{}}
	d.arrivals = arrivals{
		ids:     arrivalIDs{mid: deskMid, rid: deskRID, repairedRID: deskRepaired},
		streams: map[uint32]*stream{}, find: d.encoding,
		mids: map[uint32]string{500: "1", 501: "1"}, repairs: map[uint32]uint32{501: 500},
		byType: map[uint8]string{opusType: "0", eventsType: "0"}, apt: map[uint8]uint8{vp8RTX: vp8Type},
	}
	return d
}

func (d *desk) encoding(mid, rid string, ssrc uint32, payloadType uint8) *encoding {
	if payloadType == eventsType {
		return nil // nothing that could be forwarded
	}
	name := mid + rid
	if was := d.by[name]; was != nil {
		was.ended.Store(true)
	}
	e := &encoding{mid: mid, rid: rid, ssrc: ssrc, payloadType: payloadType, nack: true}
	mime := map[uint8]string{vp8Type: "video/VP8", vp9Type: "video/VP9", opusType: "audio/opus"}[payloadType]
	e.layer.Store(forward.NewLayer(forward.LayerConfig{MimeType: mime, ClockRate: 90000, Ticked: true}))
	d.by[name] = e
	d.made = append(d.made, fmt.Sprintf("%s %d", name, payloadType))
	return e
}

// packet comes in; extensions are pairs of an id and a value.
func (d *desk) packet(ssrc uint32, payloadType uint8, payload []byte, extensions ...any) {
	d.t.Helper()
	d.n++
	h := rtp.Header{Version: 2, SSRC: ssrc, PayloadType: payloadType, SequenceNumber: d.n, Timestamp: uint32(d.n) * 3000, Marker: true}
	for i := 0; i < len(extensions); i += 2 {
		if err := h.SetExtension(uint8(extensions[i].(int)), []byte(extensions[i+1].(string))); err != nil {
			d.t.Fatal(err)
		}
	}
	raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		d.t.Fatal(err)
	}
	d.take(raw, d.now)
	d.now = d.now.Add(10 * time.Millisecond)
}

func (d *desk) got(name string) uint64 {
	if e := d.by[name]; e != nil {
		return e.layer.Load().Stats(d.now).Packets
	}
	return 0
}

var someVP8 = []byte{0x10, 1, 0, 0}

func TestToWhichEncodingAPacketBelongs(t *testing.T) {
	repair := append([]byte{0, 200}, someVP8...) // of number 200
	type packet struct {
		ssrc        uint32
		payloadType uint8
		payload     []byte
		extensions  []any
	}
	for _, c := range []struct {
		name    string
		packets []packet
		made    []string
		got     map[string]uint64
	}{
		{"told by itself", []packet{{1, vp8Type, someVP8, []any{deskMid, "4", deskRID, "h"}}, {1, vp8Type, someVP8, nil}},
			[]string{"4h 96"}, map[string]uint64{"4h": 2}},
		{"told by the SDP", []packet{{500, vp8Type, someVP8, nil}}, []string{"1 96"}, map[string]uint64{"1": 1}},
		{"the only one that can", []packet{{9, opusType, []byte{1}, nil}}, []string{"0 111"}, map[string]uint64{"0": 1}},
		{"not told", []packet{{9, vp8Type, someVP8, nil}}, nil, nil},
		{"nothing to forward", []packet{{9, eventsType, []byte{1}, nil}}, nil, nil},
		{"repair named by the SDP", []packet{{500, vp8Type, someVP8, nil}, {501, vp8RTX, repair, nil}},
			[]string{"1 96"}, map[string]uint64{"1": 2}},
		{"repair that tells what of", []packet{
			{1, vp8Type, someVP8, []any{deskMid, "4", deskRID, "h"}}, {2, vp8Type, someVP8, []any{deskMid, "4", deskRID, "f"}},
			{3, vp8RTX, repair, []any{deskMid, "4", deskRepaired, "h"}},
		}, []string{"4h 96", "4f 96"}, map[string]uint64{"4h": 2, "4f": 1}},
		{"repair of nothing", []packet{{3, vp8RTX, repair, []any{deskMid, "4", deskRepaired, "h"}}}, nil, nil},
		{"a probe", []packet{{500, vp8Type, someVP8, nil}, {501, vp8RTX, nil, nil}}, []string{"1 96"}, map[string]uint64{"1": 1}},
		{"another SSRC for the same", []packet{
			{1, vp8Type, someVP8, []any{deskMid, "4", deskRID, "h"}}, {2, vp8Type, someVP8, []any{deskMid, "4", deskRID, "h"}},
			{1, vp8Type, someVP8, nil},
		}, []string{"4h 96", "4h 96"}, map[string]uint64{"4h": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			for _, p := range c.packets {
				d.packet(p.ssrc, p.payloadType, p.payload, p.extensions...)
			}
			if !slices.Equal(d.made, c.made) {
				t.Errorf("encodings %q, want %q", d.made, c.made)
			}
			for name, want := range c.got {
				if got := d.got(name); got != want {
					t.Errorf("%d packets of %s, want %d", got, name, want)
				}
			}
		})
	}
}

// A codec may change under one SSRC: that is another encoding, whose packets are
// read as what they are. One that slips in is left out.
func TestCodecChangesUnderOneSSRC(t *testing.T) {
	d := newDesk(t)
	vp9 := []byte{0x80, 1, 2, 3}
	d.packet(1, vp8Type, someVP8, deskMid, "4", deskRID, "h")
	d.packet(2, vp8RTX, append([]byte{1, 0}, someVP8...), deskMid, "4", deskRepaired, "h")
	for range 3 {
		for range recastAfter - 1 {
			d.packet(1, vp9Type, vp9)
		}
		d.packet(1, vp8Type, someVP8)
	}
	if got := d.got("4h"); len(d.made) != 1 || got != 5 {
		t.Fatalf("encodings %v, %d packets in VP8", d.made, got)
	}
	for range recastAfter + 4 {
		d.packet(1, vp9Type, vp9)
	}
	if got := d.got("4h"); !slices.Equal(d.made, []string{"4h 96", "4h 98"}) || got != 5 {
		t.Errorf("encodings %v, %d packets in VP9", d.made, got)
	}
	d.packet(2, vp8RTX, append([]byte{1, 1}, someVP8...)) // late, in what it was
	if got := d.got("4h"); got != 5 {
		t.Errorf("a repair in VP8 is read as VP9")
	}
	// What is never agreed changes nothing.
	for range 3 * recastAfter {
		d.packet(1, eventsType, []byte{1})
	}
	d.packet(1, vp9Type, vp9)
	if got := d.got("4h"); len(d.made) != 2 || got != 6 {
		t.Errorf("encodings %v, %d packets in VP9", d.made, got)
	}
}

// Who publishes anew again and again, under other SSRCs each time, can go on.
func TestSSRCsOfWhatHasEndedAreForgotten(t *testing.T) {
	d := newDesk(t)
	for i := range uint32(3 * maxStreams) {
		d.packet(1000+2*i, vp8Type, someVP8, deskMid, "4", deskRID, "h")
		d.packet(1001+2*i, vp8RTX, append([]byte{0, 1}, someVP8...), deskMid, "4", deskRepaired, "h")
		if got := d.got("4h"); got != 2 {
			t.Fatalf("%d packets of the %d. time", got, i)
		}
		d.now = d.now.Add(goneAfter)
		list := d.feedback(7, d.now, false, true)
		if n := len(list[0].(*rtcp.ReceiverReport).Reports); n != 1 {
			t.Fatalf("reports on %d SSRCs, of which one comes", n)
		}
	}
	if len(d.streams) > 6 {
		t.Errorf("%d SSRCs are kept", len(d.streams))
	}
}

// Browsers say goodbye of encodings that we have told them to stop: the track is
// still there to be wanted again, and goes on under the same SSRC.
func TestGoodbyeLeavesTheTrack(t *testing.T) {
	e := testEngine(t)
	p := testParticipant(t)
	b, err := e.NewPublisher(p, e.Log, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Answer(browserOffer, nil); err != nil {
		t.Fatal(err)
	}
	var mid string
	for m, l := range b.lines {
		if _, ok := l.codecs[vp8Type]; ok {
			mid = m
		}
	}
	n := uint16(0)
	push := func() {
		n++
		h := rtp.Header{Version: 2, SSRC: 77, PayloadType: vp8Type, SequenceNumber: n, Timestamp: uint32(n) * 3000, Marker: true}
		if err := h.SetExtension(b.arrivals.ids.mid, []byte(mid)); err != nil {
			t.Fatal(err)
		}
		raw, err := (&rtp.Packet{Header: h, Payload: someVP8}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		b.media.in.Lock()
		defer b.media.in.Unlock()
		b.arrivals.take(raw, time.Now())
	}
	push()
	tracks := p.State().Tracks
	if len(tracks) != 1 || len(tracks[0].Media.Layers()) != 1 {
		t.Fatalf("%d tracks", len(tracks))
	}
	b.media.in.Lock()
	b.reports([]rtcp.Packet{&rtcp.Goodbye{Sources: []uint32{77, 78}}}, time.Now())
	b.media.in.Unlock()
	if now := p.State().Tracks; len(now) != 1 || now[0] != tracks[0] || len(now[0].Media.Layers()) != 1 {
		t.Fatal("the track is gone")
	}
	push()
	if got := tracks[0].Media.Layers()[0].Stats(time.Now()).Packets; got != 2 {
		t.Errorf("%d packets came in of 2", got)
	}
}
