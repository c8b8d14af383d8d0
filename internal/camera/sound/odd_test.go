//go:build !noaac

package sound

import (
	"bytes"
	"slices"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// clips is the clip three times.
func clips(t testing.TB) [][]byte { return slices.Repeat(aacClip(t), 3) }

// withSyncExtension is described as GStreamer's rtpmp4apay does: the
// AudioSpecificConfig says that there is no SBR.
func withSyncExtension(t testing.TB) *format.MPEG4AudioLATM {
	t.Helper()
	c := &mpeg4audio.StreamMuxConfig{}
	if err := c.Unmarshal([]byte{0x40, 0x00, 0x28, 0x10, 0xad, 0xca, 0x00}); err != nil {
		t.Fatal(err)
	}
	return &format.MPEG4AudioLATM{StreamMuxConfig: c}
}

func adtsFrames(t testing.TB) (frames [][]byte) {
	t.Helper()
	for _, u := range clips(t) {
		b, err := mpeg4audio.ADTSPackets{{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 16000, ChannelCount: 1, AU: u}}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, b)
	}
	return frames
}

// muxed gives the elements of LATM; inBand tells which of them have settings, and which
// may have them.
func muxed(t testing.TB, may bool, has func(i int) bool) (list [][]byte) {
	t.Helper()
	for i, u := range clips(t) {
		e := mpeg4audio.AudioMuxElement{
			MuxConfigPresent: may, UseSameStreamMux: !has(i),
			StreamMuxConfig: latm().(*format.MPEG4AudioLATM).StreamMuxConfig, Payloads: [][][][]byte{{{u}}},
		}
		b, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

// AAC comes in ways that no RFC has, or that the description does not tell.
func TestAACAsItComes(t *testing.T) {
	always, once, never := func(int) bool { return true }, func(i int) bool { return i%8 == 0 }, func(int) bool { return false }
	paced := func(clock int, payloads [][]byte) (list []Packet) {
		for i, b := range payloads {
			list = append(list, Packet{Sequence: uint16(i), Timestamp: uint32(1024 * clock / 16000 * i), Marker: true, Payload: b})
		}
		return list
	}
	frames, each := adtsFrames(t), [][]byte{}
	for _, u := range clips(t) {
		each = append(each, generic(u))
	}
	var two, halves []Packet
	for i := 0; i+1 < len(frames); i += 2 {
		two = append(two, Packet{Sequence: uint16(i / 2), Timestamp: uint32(1024 * i), Marker: true, Payload: bytes.Join(frames[i:i+2], nil)})
	}
	for i, b := range frames {
		halves = append(halves, Packet{Sequence: uint16(2 * i), Timestamp: uint32(1024 * i), Payload: b[:len(b)/2]},
			Packet{Sequence: uint16(2*i + 1), Timestamp: uint32(1024 * i), Marker: true, Payload: b[len(b)/2:]})
	}
	var loas [][]byte
	for _, b := range muxed(t, true, always) {
		loas = append(loas, append([]byte{0x56, 0xe0 | byte(len(b)>>8), byte(len(b))}, b...))
	}
	for name, c := range map[string]struct {
		f       format.Format
		packets []Packet
	}{
		"ADTS in place of AU headers":            {genericAAC(), paced(16000, frames)},
		"two of them in a packet":                {genericAAC(), two},
		"one of them in two packets":             {genericAAC(), halves},
		"LATM, settings with each element":       {inBandLATM(), paced(90000, muxed(t, true, always))},
		"LATM, settings now and then":            {inBandLATM(), paced(16000, muxed(t, true, once))},
		"LATM, settings described, and in band":  {latm(), paced(16000, muxed(t, true, always))},
		"LATM, settings described, room in band": {latm(), paced(16000, muxed(t, true, never))},
		"LATM, a sync extension, GStreamer":      {withSyncExtension(t), paced(16000, muxed(t, false, never))},
		"LATM as a byte stream":                  {latm(), paced(16000, loas)},
		"a clock of 90 kHz":                      {genericAAC(), paced(90000, each)},
		"a clock of 8 kHz":                       {genericAAC(), paced(8000, each)},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Open(c.f)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var code []byte
			last, gaps := uint32(0), 0
			for i := range c.packets {
				err := p.Push(&c.packets[i], func(ts uint32, b []byte) {
					if ts-last != wideFrame/2 && i > len(c.packets)/2 {
						gaps++ // how it begins may be lost, and then every packet follows the last
					}
					last, code = ts, append(code, b...)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			got := samples(ffmpeg(t, code, "-f", "g722", "-i", "-", "-f", "s16le", "-ar", "16000"))
			if len(got) < 40_000 {
				t.Fatalf("%d samples", len(got))
			}
			if db := purity(got[len(got)-12_000:len(got)-4_000], 440); db < 25 || gaps > 0 {
				t.Errorf("%.1f dB, %d gaps", db, gaps)
			}
		})
	}
}

// One Opus channel is as good as two.
func TestOpusWithOneChannel(t *testing.T) {
	p, err := Open(&format.Opus{PayloadTyp: 97, ChannelCount: 1})
	if err != nil || p.Output.MimeType != "audio/opus" || p.Output.Channels != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}
