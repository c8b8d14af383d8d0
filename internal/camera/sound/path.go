package sound

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// Output is the codec that leaves a Path, as SDP has it.
type Output struct {
	MimeType  string
	ClockRate uint32 // of timestamps, in Hz
	Channels  uint16
	Fmtp      string
}

// Packet is what comes in one RTP packet.
type Packet struct {
	Sequence  uint16
	Timestamp uint32
	Marker    bool
	Payload   []byte
}

// Path leads the sound of one stream to browsers. It is not safe for
// concurrent use.
type Path struct {
	Output Output
	// Input tells what comes, and Work what is done with it, for people.
	Input, Work string

	rate   uint32                      // of the timestamps that come in, in Hz
	pace   pace                        // of the samples that come in
	late   func(*Packet) (*Path, bool) // makes the rest of it of the first packet
	split  split                       // nil: payloads leave as they are
	decode decoder
	frame  int // of a payload that is cut, in bytes; 0: it is not

	channels  int
	resampler *Resampler
	encoder   *G722
	mono      []int16
	wide      []int16 // at 16 kHz, not sent yet
	code      []byte
	begun     bool
	expected  uint32 // timestamp of the next sample that comes
	next      uint32 // and of the next that leaves
}

// decoder makes samples of what a split yields; channels take turns in them.
// They are valid until the next call.
type decoder interface {
	decode(unit []byte) ([]int16, error)
	close()
}

// split takes the units for the decoder out of packets.
type split interface {
	units(p *Packet, yield func(unit []byte)) error
}

// ErrRefused is wrapped by errors of Open: what they say is for people.
var ErrRefused = errors.New("browsers cannot play this sound")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

const (
	g711Frame   = 160 // bytes, 20 ms
	g711Longest = 480 // bytes in one packet; more is cut
	wideRate    = 16000
	wideFrame   = 320  // samples, 20 ms
	g722Clock   = 8000 // the RTP clock is not its sampling rate: RFC 3551 §4.5.2
)

// Open returns the way for a format; the error says why there is none, and what
// to set in the camera.
func Open(f format.Format) (*Path, error) {
	switch f := f.(type) {
	case *format.Opus:
		if f.ChannelCount > 2 {
			return nil, refuse("Opus with %d channels; set the camera to one or two", f.ChannelCount)
		}
		return &Path{
			Output: Output{MimeType: "audio/opus", ClockRate: 48000, Channels: 2, Fmtp: "minptime=10;useinbandfec=1"},
			Input:  "Opus", Work: passes, rate: 48000,
		}, nil
	case *format.G722:
		return &Path{
			Output: Output{MimeType: "audio/G722", ClockRate: g722Clock, Channels: 1},
			Input:  "G.722", Work: passes, rate: g722Clock, frame: g711Frame,
		}, nil
	case *format.G711:
		return openG711(f)
	case *format.LPCM:
		return openPCM(f, false)
	case *LittleEndian:
		return openPCM(f.LPCM, true)
	case *format.MPEG4Audio:
		return openAAC(f.Config, &genericSplit{
			size: f.SizeLength, index: f.IndexLength, delta: f.IndexDeltaLength,
		})
	case *format.MPEG4AudioLATM:
		return openLATM(f)
	case *format.Generic:
		if strings.HasPrefix(strings.ToUpper(f.RTPMa), "G722/") { // with a number of its own
			return Open(&format.G722{})
		}
	case *format.G726:
		return nil, refuse("G.726; set the camera's sound to G.711 or AAC")
	case *format.MPEG1Audio:
		return nil, refuse("MPEG audio (MP2, MP3); set the camera's sound to G.711 or AAC")
	case *format.AC3:
		return nil, refuse("AC-3; set the camera's sound to G.711 or AAC")
	}
	return nil, refuse("%s; set the camera's sound to G.711 or AAC", f.Codec())
}

const passes = "passed on"

func openG711(f *format.G711) (*Path, error) {
	name, mime := "G.711 A-law", "audio/PCMA"
	if f.MULaw {
		name, mime = "G.711 µ-law", "audio/PCMU"
	}
	if f.SampleRate == 8000 && f.ChannelCount == 1 {
		return &Path{
			Output: Output{MimeType: mime, ClockRate: 8000, Channels: 1},
			Input:  name, Work: passes, rate: 8000, frame: g711Frame,
		}, nil
	}
	law := aLaw
	if f.MULaw {
		law = muLaw
	}
	return transcode(name, f.SampleRate, f.ChannelCount, wholeSplit{}, &lawDecoder{law: law})
}

// LittleEndian is PCM with the low byte of each sample first, which no RFC has, and some
// cameras send.
type LittleEndian struct{ *format.LPCM }

func openPCM(f *format.LPCM, little bool) (*Path, error) {
	return transcode(fmt.Sprintf("PCM of %d bits", f.BitDepth), f.SampleRate, f.ChannelCount,
		wholeSplit{}, &pcmDecoder{bytes: f.BitDepth / 8, little: little})
}

func openAAC(c *mpeg4audio.AudioSpecificConfig, s split) (*Path, error) {
	if c == nil {
		return nil, refuse("AAC without its settings; set the camera's sound to G.711")
	}
	if c.Type != mpeg4audio.ObjectTypeAACLC || c.ExtensionType != 0 {
		return nil, refuse("AAC of another profile than LC; set the camera's sound to AAC-LC or G.711")
	}
	if c.FrameLengthFlag {
		return nil, refuse("AAC with frames of 960 samples; set the camera's sound to G.711")
	}
	if c.ChannelCount > 2 {
		return nil, refuse("AAC with %d channels; set the camera to one or two", c.ChannelCount)
	}
	config, err := c.Marshal()
	if err != nil {
		return nil, refuse("AAC with settings that cannot be read (%v)", err)
	}
	d, err := newAAC(config)
	if err != nil {
		return nil, refuse("%v; set the camera's sound to G.711", err)
	}
	p, err := transcode("AAC-LC", c.SampleRate, c.ChannelCount, s, d)
	if err != nil {
		d.close()
	}
	return p, err
}

func transcode(name string, rate, channels int, s split, d decoder) (*Path, error) {
	if rate < 8000 || rate > 96000 || channels < 1 || channels > 8 {
		return nil, refuse("%s with %d Hz and %d channels; set the camera's sound to G.711 or AAC", name, rate, channels)
	}
	r, ok := NewResampler(rate, wideRate)
	if !ok {
		return nil, refuse("%s with %d Hz; set the camera's sound to 8, 16 or 48 kHz", name, rate)
	}
	kind := "mono"
	if channels == 2 {
		kind = "stereo"
	} else if channels > 2 {
		kind = fmt.Sprintf("%d channels", channels)
	}
	return &Path{
		Output: Output{MimeType: "audio/G722", ClockRate: g722Clock, Channels: 1},
		Input:  fmt.Sprintf("%s, %g kHz, %s", name, float64(rate)/1000, kind), Work: "becomes G.722",
		rate: uint32(rate), pace: pace{rate: uint32(rate)}, split: s, decode: d, channels: channels, resampler: r, encoder: NewG722(),
	}, nil
}

// Push takes the next packet. emit is called with what leaves; a payload is
// emit's until it returns. What cannot be decoded is left out, and the error
// says what it was.
func (p *Path) Push(in *Packet, emit func(timestamp uint32, payload []byte)) error {
	if p.late != nil && !p.openLate(in) {
		return errAAC
	}
	if p.split == nil {
		p.pass(in, emit)
		return nil
	}
	if clock := p.pace.clock(in); clock != p.rate {
		p.rate, p.expected = clock, in.Timestamp
	}
	if !p.begun {
		p.begun, p.expected = true, in.Timestamp
	}
	if off := int32(in.Timestamp - p.expected); off > int32(p.rate/10) || off < -int32(p.rate/10) {
		// Something is missing, or a clock was set.
		p.next += uint32(int64(off) * g722Clock / int64(p.rate))
		p.expected = in.Timestamp
		p.wide = p.wide[:0]
	}
	var problem error
	err := p.split.units(in, func(unit []byte) {
		samples, err := p.decode.decode(unit)
		if err != nil {
			problem = err
		}
		p.encode(samples, emit)
	})
	if err != nil {
		problem = err
	}
	return problem
}

func (p *Path) pass(in *Packet, emit func(uint32, []byte)) {
	p.begun = true
	b, ts := in.Payload, in.Timestamp
	if p.frame > 0 && len(b) > g711Longest {
		for len(b) > p.frame {
			emit(ts, b[:p.frame])
			b, ts = b[p.frame:], ts+uint32(p.frame)
		}
	}
	if len(b) > 0 && len(b) <= maxPayload {
		emit(ts, b)
	}
}

// maxPayload is what fits a packet to browsers, in bytes: as nal.MaxPayload.
const maxPayload = 1162

func (p *Path) encode(samples []int16, emit func(uint32, []byte)) {
	n := len(samples) / p.channels
	p.mono = p.mono[:0]
	for i := range n {
		sum := int32(0)
		for _, v := range samples[i*p.channels : (i+1)*p.channels] {
			sum += int32(v)
		}
		p.mono = append(p.mono, int16(min(max(sum/int32(p.channels), math.MinInt16), math.MaxInt16)))
	}
	p.pace.samples += n
	p.expected += uint32(int64(n) * int64(p.rate) / int64(p.pace.rate))
	p.wide = p.resampler.Run(p.wide, p.mono)
	rest := p.wide
	for len(rest) >= wideFrame {
		p.code = p.encoder.Encode(p.code[:0], rest[:wideFrame])
		emit(p.next, p.code)
		p.next += wideFrame / 2
		rest = rest[wideFrame:]
	}
	p.wide = p.wide[:copy(p.wide, rest)]
}

// At gives the timestamp that leaves for one that comes in, as the last packet
// had them; ok is false before the first.
func (p *Path) At(timestamp uint32) (out uint32, ok bool) {
	if p.split == nil {
		return timestamp, p.begun
	}
	off := int64(int32(timestamp - p.expected))
	return p.next + uint32(len(p.wide)/2) + uint32(off*g722Clock/int64(p.rate)), p.begun
}

// Rate of the timestamps that come in, in Hz, as far as is known.
func (p *Path) Rate() uint32 { return p.rate }

// Close lets go of the decoder.
func (p *Path) Close() {
	if p.decode != nil {
		p.decode.close()
	}
}
