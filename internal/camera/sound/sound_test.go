package sound

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"os/exec"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// tone is that much of a sine.
func tone(rate int, hz, seconds float64) []int16 {
	list := make([]int16, int(float64(rate)*seconds))
	for i := range list {
		list[i] = int16(12000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return list
}

// voice is several tones that come and go, which no predictor has an easy time
// with.
func voice(seconds float64) []int16 {
	list := make([]int16, int(wideRate*seconds))
	for i := range list {
		t := float64(i) / wideRate
		v := 0.0
		for k, hz := range []float64{180, 410, 1130, 2370, 3900, 5300} {
			v += math.Sin(2*math.Pi*hz*t+float64(k)) * (1 + math.Sin(2*math.Pi*(1.3+float64(k))*t)) / float64(k+1)
		}
		list[i] = int16(4000 * v)
	}
	return list
}

// likeness is how much stronger a signal is than what differs from it, in dB,
// where got lies that many samples behind want at the best.
func likeness(want, got []int16, most int) (db float64, behind int) {
	db = -100
	for lag := range most {
		signal, noise := 0.0, 0.0
		for i := 500; i < len(want)-500 && i+lag < len(got); i++ {
			d := float64(want[i]) - float64(got[i+lag])
			signal += float64(want[i]) * float64(want[i])
			noise += d * d
		}
		if r := 10 * math.Log10(signal/noise); r > db {
			db, behind = r, lag
		}
	}
	return db, behind
}

func ffmpeg(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg here")
	}
	cmd := exec.Command(path, append(append([]string{"-v", "error"}, args...), "-")...)
	var problem bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &problem
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, &problem)
	}
	return out
}

func samples(b []byte) (list []int16) {
	for ; len(b) >= 2; b = b[2:] {
		list = append(list, int16(binary.LittleEndian.Uint16(b)))
	}
	return list
}

func raw(list []int16) (b []byte) {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// rumble is noise with more of the low tones, the same on every machine.
func rumble() []int16 {
	list := make([]int16, 2*wideRate)
	state, v := uint32(1), int32(0)
	for i := range list {
		state = state*1664525 + 1013904223
		v += int32(state>>16)&0x1fff - 0x1000 - v/8
		list[i] = int16(min(max(v, -32768), 32767))
	}
	return list
}

// rumbleSum is of the code that ffmpeg 5.1 makes of it, too.
const rumbleSum = "aa8e366829d62f03"

func TestG722(t *testing.T) {
	code := NewG722().Encode(nil, rumble())
	sum := sha256.Sum256(code)
	if got := hex.EncodeToString(sum[:8]); got != rumbleSum {
		t.Errorf("the code has another sum: %s", got)
	}
}

func TestG722IsWhatOthersEncode(t *testing.T) {
	for name, in := range map[string][]int16{"rumble": rumble(), "voice": voice(2), "loud": loud()} {
		want := ffmpeg(t, raw(in), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722")
		if got := NewG722().Encode(nil, in); !bytes.Equal(got, want) {
			t.Errorf("%s: the code differs", name)
		}
	}
}

func TestG722IsWhatOthersDecode(t *testing.T) {
	for name, want := range map[string]struct {
		samples []int16
		least   float64 // dB
	}{
		"voice":   {voice(2), 30},
		"silence": {make([]int16, 16000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			code := NewG722().Encode(nil, want.samples)
			got := samples(ffmpeg(t, code, "-f", "g722", "-i", "-", "-f", "s16le", "-ar", "16000"))
			if name == "silence" {
				for _, v := range got[:len(got)-1] {
					if v > 8 || v < -8 {
						t.Fatalf("silence has a sample of %d", v)
					}
				}
				return
			}
			if db, behind := likeness(want.samples, got, 40); db < want.least {
				t.Errorf("%.1f dB, %d samples behind", db, behind)
			}
		})
	}
}

func loud() []int16 {
	list := voice(1)
	for i, v := range list {
		list[i] = int16(min(max(int32(v)*8, -32768), 32767))
	}
	return list
}

func TestG711IsWhatOthersEncode(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, law := range map[string]func(byte) int16{"alaw": aLaw, "mulaw": muLaw} {
		want := samples(ffmpeg(t, every, "-f", name, "-ar", "8000", "-ac", "1", "-i", "-", "-f", "s16le"))
		for i, v := range want {
			if got := law(byte(i)); got != v {
				t.Errorf("%s: %d is %d, not %d", name, i, got, v)
			}
		}
	}
}

func TestResampler(t *testing.T) {
	for _, from := range []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000} {
		for _, hz := range []float64{100, 1000, 3300} {
			r, ok := NewResampler(from, wideRate)
			if !ok {
				t.Fatalf("no resampler from %d Hz", from)
			}
			in := tone(from, hz, 0.5)
			var got []int16
			for len(in) > 0 {
				n := min(len(in), 1023)
				got = r.Run(got, in[:n])
				in = in[n:]
			}
			if d := len(got) - wideRate/2; d > 50 || d < -50 {
				t.Errorf("%d samples of half a second from %d Hz", len(got), from)
			}
			if db := purity(got[800:7200], hz); db < 45 {
				t.Errorf("%g Hz from %d Hz: %.1f dB", hz, from, db)
			}
		}
	}
}

func TestResamplerLetsNoAliasThrough(t *testing.T) {
	r, _ := NewResampler(48000, wideRate)
	got := r.Run(nil, tone(48000, 11000, 0.5))
	for i, v := range got[200:] {
		if v > 60 || v < -60 {
			t.Fatalf("sample %d is %d", i, v)
		}
	}
}

func TestResamplerRefusesOddRates(t *testing.T) {
	if _, ok := NewResampler(44101, wideRate); ok {
		t.Error("44101 Hz took a table")
	}
}

// purity fits a sine to the samples and tells how much stronger it is than the
// rest, in dB.
func purity(list []int16, hz float64) float64 {
	var s, c float64
	for i, v := range list {
		x := 2 * math.Pi * hz * float64(i) / wideRate
		s += float64(v) * math.Sin(x)
		c += float64(v) * math.Cos(x)
	}
	s, c = 2*s/float64(len(list)), 2*c/float64(len(list))
	var signal, noise float64
	for i, v := range list {
		x := 2 * math.Pi * hz * float64(i) / wideRate
		f := s*math.Sin(x) + c*math.Cos(x)
		signal += f * f
		noise += (float64(v) - f) * (float64(v) - f)
	}
	return 10 * math.Log10(signal/noise)
}

// aacClip reads the access units of the clip.
func aacClip(t testing.TB) (units [][]byte) {
	t.Helper()
	data, err := os.ReadFile("../testdata/tone16k.aac")
	if err != nil {
		t.Fatal(err)
	}
	var list mpeg4audio.ADTSPackets
	if err := list.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		units = append(units, p.AU)
	}
	return units
}

func genericAAC() *format.MPEG4Audio {
	return &format.MPEG4Audio{
		PayloadTyp: 97, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
		Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 16000, ChannelCount: 1},
	}
}

// generic packs access units as RFC 3640 has it.
func generic(units ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(16*len(units)))
	for _, u := range units {
		b = binary.BigEndian.AppendUint16(b, uint16(len(u)<<3))
	}
	return append(b, bytes.Join(units, nil)...)
}

// listen sends packets through a Path and gives back what browsers would hear.
func listen(t *testing.T, p *Path, packets []Packet) []int16 {
	t.Helper()
	var code []byte
	next := uint32(0)
	for i := range packets {
		err := p.Push(&packets[i], func(ts uint32, b []byte) {
			if ts != next || len(b) != 160 {
				t.Fatalf("%d bytes at %d, not 160 at %d", len(b), ts, next)
			}
			next += 160
			code = append(code, b...)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return samples(ffmpeg(t, code, "-f", "g722", "-i", "-", "-f", "s16le", "-ar", "16000"))
}

func TestAACBecomesG722(t *testing.T) {
	units := aacClip(t)
	one := func(list [][]byte) (out []Packet) {
		for i, u := range list {
			out = append(out, Packet{Sequence: uint16(i), Timestamp: uint32(7 + 1024*i), Marker: true, Payload: generic(u)})
		}
		return out
	}
	ways := map[string][]Packet{
		"one a packet": one(units),
		"two a packet": nil,
		"fragments":    nil,
		"with ADTS":    nil,
	}
	for i := 0; i+1 < len(units); i += 2 {
		ways["two a packet"] = append(ways["two a packet"], Packet{
			Sequence: uint16(i / 2), Timestamp: uint32(7 + 1024*i), Marker: true, Payload: generic(units[i], units[i+1]),
		})
	}
	for i, u := range units {
		head := generic(u)[:4]
		half := len(u) / 2
		ways["fragments"] = append(ways["fragments"],
			Packet{Sequence: uint16(2 * i), Timestamp: uint32(7 + 1024*i), Payload: append(bytes.Clone(head), u[:half]...)},
			Packet{Sequence: uint16(2*i + 1), Timestamp: uint32(7 + 1024*i), Marker: true, Payload: append(bytes.Clone(head), u[half:]...)})
		adts, err := mpeg4audio.ADTSPackets{{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 16000, ChannelCount: 1, AU: u}}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		ways["with ADTS"] = append(ways["with ADTS"], Packet{
			Sequence: uint16(i), Timestamp: uint32(7 + 1024*i), Marker: true, Payload: generic(adts),
		})
	}
	for name, packets := range ways {
		t.Run(name, func(t *testing.T) {
			p, err := Open(genericAAC())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if p.Input != "AAC-LC, 16 kHz, mono" || p.Output.MimeType != "audio/G722" {
				t.Errorf("%s becomes %s", p.Input, p.Output.MimeType)
			}
			got := listen(t, p, packets)
			if len(got) < 14000 {
				t.Fatalf("%d samples", len(got))
			}
			if db := purity(got[4000:12000], 440); db < 25 {
				t.Errorf("%.1f dB", db)
			}
		})
	}
}

func TestAACGoesOnAfterGarbage(t *testing.T) {
	units := aacClip(t)
	p, err := Open(genericAAC())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	sent, bad := 0, 0
	for i, u := range units {
		if i%5 == 4 {
			u = bytes.Repeat([]byte{0xa7}, 60)
		}
		in := Packet{Sequence: uint16(i), Timestamp: uint32(1024 * i), Marker: true, Payload: generic(u)}
		if err := p.Push(&in, func(uint32, []byte) { sent++ }); err != nil {
			bad++
		}
	}
	if bad == 0 || sent < 25 {
		t.Errorf("%d units were bad, %d packets left", bad, sent)
	}
}

func TestTimestampsFollowGaps(t *testing.T) {
	p, err := Open(&format.LPCM{BitDepth: 16, SampleRate: 48000, ChannelCount: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var last uint32
	push := func(ts uint32) (n int) {
		err := p.Push(&Packet{Timestamp: ts, Payload: make([]byte, 4*960)}, func(ts uint32, _ []byte) { last = ts; n++ })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range uint32(50) {
		push(1000 + i*960)
	}
	before := last
	for i := range uint32(50) {
		push(1000 + 50*960 + 480000 + i*960) // ten seconds later
	}
	if d := int(last-before) - (80000 + 8000); d > 200 || d < -200 {
		t.Errorf("eleven seconds are %d", last-before)
	}
	if at, ok := p.At(1000 + 100*960 + 480000); !ok || int32(at-last) > 400 || int32(at-last) < 100 {
		t.Errorf("the end is at %d, the last packet at %d", at, last)
	}
}

func TestWhatIsPlayed(t *testing.T) {
	he := genericAAC()
	he.Config.ExtensionType = mpeg4audio.ObjectTypeSBR
	many := genericAAC()
	many.Config.ChannelCount = 6
	for name, c := range map[string]struct {
		f    format.Format
		mime string // empty: it is refused
	}{
		"Opus":          {&format.Opus{ChannelCount: 2}, "audio/opus"},
		"Opus 5.1":      {&format.Opus{ChannelCount: 6}, ""},
		"PCMU":          {&format.G711{MULaw: true, SampleRate: 8000, ChannelCount: 1}, "audio/PCMU"},
		"PCMA":          {&format.G711{SampleRate: 8000, ChannelCount: 1}, "audio/PCMA"},
		"PCMA 16 kHz":   {&format.G711{SampleRate: 16000, ChannelCount: 1}, "audio/G722"},
		"PCMA stereo":   {&format.G711{SampleRate: 8000, ChannelCount: 2}, "audio/G722"},
		"G.722":         {&format.G722{}, "audio/G722"},
		"G.722 as 97":   {&format.Generic{PayloadTyp: 97, RTPMa: "G722/8000"}, "audio/G722"},
		"L16":           {&format.LPCM{BitDepth: 16, SampleRate: 44100, ChannelCount: 1}, "audio/G722"},
		"AAC":           {genericAAC(), "audio/G722"},
		"HE-AAC":        {he, ""},
		"AAC 5.1":       {many, ""},
		"AAC, unknown":  {&format.MPEG4Audio{}, ""},
		"G.726":         {&format.G726{}, ""},
		"MP3":           {&format.MPEG1Audio{}, ""},
		"Vorbis":        {&format.Vorbis{}, ""},
		"something new": {&format.Generic{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Open(c.f)
			switch {
			case c.mime == "" && !errors.Is(err, ErrRefused):
				t.Errorf("not refused: %v", err)
			case c.mime != "" && err != nil:
				t.Error(err)
			case c.mime != "" && p.Output.MimeType != c.mime:
				t.Errorf("becomes %s", p.Output.MimeType)
			}
			if err == nil {
				p.Close()
			}
		})
	}
}

// Hikvision sends PCM with the low byte of each sample first (go2rtc, commit 68fa4224): what
// leaves is the same as for samples in network order.
func TestLittleEndianPCM(t *testing.T) {
	pcm := &format.LPCM{BitDepth: 16, SampleRate: 16000, ChannelCount: 1}
	sent := map[bool][]byte{}
	for little, f := range map[bool]format.Format{false: pcm, true: &LittleEndian{pcm}} {
		p, err := Open(f)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		var payload []byte
		for i := range 1600 {
			level := uint16(int16(8000 * math.Sin(2*math.Pi*440*float64(i)/16000)))
			if little {
				payload = binary.LittleEndian.AppendUint16(payload, level)
			} else {
				payload = binary.BigEndian.AppendUint16(payload, level)
			}
		}
		if err := p.Push(&Packet{Payload: payload}, func(_ uint32, b []byte) { sent[little] = append(sent[little], b...) }); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent[true]) == 0 || !bytes.Equal(sent[true], sent[false]) {
		t.Errorf("%d and %d bytes leave, and they differ", len(sent[true]), len(sent[false]))
	}
}

func TestLongPacketsOfG711AreCut(t *testing.T) {
	p, err := Open(&format.G711{SampleRate: 8000, ChannelCount: 1})
	if err != nil {
		t.Fatal(err)
	}
	in := make([]byte, 1600)
	for i := range in {
		in[i] = byte(i)
	}
	var out []byte
	if err := p.Push(&Packet{Timestamp: 77, Payload: in}, func(ts uint32, b []byte) {
		if int(ts) != 77+len(out) || len(b) != 160 {
			t.Errorf("%d bytes at %d", len(b), ts)
		}
		out = append(out, b...)
	}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(in, out) {
		t.Error("it is not the same")
	}
}

func FuzzPath(f *testing.F) {
	units := aacClip(f)
	f.Add(byte(0), generic(units[2]))
	f.Add(byte(0), generic(units[2], units[3]))
	f.Add(byte(1), []byte{byte(len(units[2]))})
	f.Add(byte(2), make([]byte, 100))
	f.Add(byte(3), []byte{0x20, 0, 0x11, 0x90, 8, 0xff, 0x10})
	f.Add(byte(0), append([]byte{0xff, 0xf1, 0x60, 0x40, 1, 0x3f, 0xfc}, units[2]...))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		var format format.Format = genericAAC()
		switch kind % 4 {
		case 1:
			format = latm()
		case 2:
			format = pcm24()
		case 3:
			format = inBandLATM()
		}
		p, err := Open(format)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for i := range 3 {
			in := Packet{Sequence: uint16(i), Timestamp: uint32(kind) << i, Marker: kind&0x80 != 0 || i == 2, Payload: b}
			_ = p.Push(&in, func(_ uint32, b []byte) {
				if len(b) == 0 || len(b) > maxPayload {
					t.Fatalf("%d bytes leave", len(b))
				}
			})
		}
	})
}

func pcm24() format.Format { return &format.LPCM{BitDepth: 24, SampleRate: 32000, ChannelCount: 2} }

func inBandLATM() format.Format { return &format.MPEG4AudioLATM{CPresent: true} }

func latm() format.Format {
	return &format.MPEG4AudioLATM{StreamMuxConfig: &mpeg4audio.StreamMuxConfig{
		Programs: []*mpeg4audio.StreamMuxConfigProgram{{Layers: []*mpeg4audio.StreamMuxConfigLayer{{
			AudioSpecificConfig: genericAAC().Config, LatmBufferFullness: 255,
		}}}},
	}}
}

func TestLATM(t *testing.T) {
	f := latm()
	p, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var packets []Packet
	for i, u := range aacClip(t) {
		e := mpeg4audio.AudioMuxElement{
			StreamMuxConfig: f.(*format.MPEG4AudioLATM).StreamMuxConfig, Payloads: [][][][]byte{{{u}}},
		}
		b, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		half := len(b) / 2
		packets = append(packets,
			Packet{Sequence: uint16(2 * i), Timestamp: uint32(1024 * i), Payload: b[:half]},
			Packet{Sequence: uint16(2*i + 1), Timestamp: uint32(1024 * i), Marker: true, Payload: b[half:]})
	}
	if got := listen(t, p, packets); purity(got[4000:12000], 440) < 25 {
		t.Error("it is no tone of 440 Hz")
	}
}

func BenchmarkAACToG722(b *testing.B) {
	units := aacClip(b)
	p, err := Open(genericAAC())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	b.ReportAllocs()
	in := Packet{Marker: true}
	for i := range b.N {
		in.Sequence, in.Timestamp = uint16(i), uint32(1024*i)
		in.Payload = generic(units[2+i%10])
		if err := p.Push(&in, func(uint32, []byte) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0.064*float64(b.N)/b.Elapsed().Seconds(), "times-real-time")
}

// A-law is a little coarser than µ-law near silence, and as fine elsewhere.
func TestMuLawToALaw(t *testing.T) {
	for i := range 256 {
		b := []byte{byte(i)}
		MuLawToALaw(b)
		was, is := int(muLaw(byte(i))), int(aLaw(b[0]))
		if most := max(8, max(was, -was)/32); is-was > most || was-is > most {
			t.Errorf("%#x: %d became %d", i, was, is)
		}
	}
}
