package sound

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// latmSplit reads MP4A-LATM (RFC 6416 §6.2), with its settings in the description, in
// the stream, or in both: what is described is not what comes with all cameras.
type latmSplit struct {
	config *mpeg4audio.StreamMuxConfig // of the description, or the last of the stream
	inBand bool                        // the last element that could be read had room for settings
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
	e, err := l.element(l.part.b)
	if err != nil {
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

// element reads an AudioMuxElement (ISO/IEC 14496-3 §1.7.3).
func (l *latmSplit) element(b []byte) (*mpeg4audio.AudioMuxElement, error) {
	var first error
	inBand := l.inBand
	if unit := withoutLOAS(b); len(unit) < len(b) {
		b, inBand = unit, true
	}
	for _, inBand := range [2]bool{inBand, !inBand} {
		e := &mpeg4audio.AudioMuxElement{MuxConfigPresent: inBand, StreamMuxConfig: l.config}
		if err := e.Unmarshal(b); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		if inBand && !e.UseSameStreamMux && !sameSettings(l.config, e.StreamMuxConfig) {
			if l.config != nil {
				return nil, errSettings
			}
			if len(e.StreamMuxConfig.Programs) != 1 || len(e.StreamMuxConfig.Programs[0].Layers) != 1 {
				return nil, errAAC
			}
			l.config = e.StreamMuxConfig
		}
		l.inBand = inBand
		return e, nil
	}
	return nil, first
}

var errSettings = errors.New("its settings change")

// sameSettings reports whether two settings are of the same sound.
func sameSettings(a, b *mpeg4audio.StreamMuxConfig) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, err := a.Marshal()
	y, problem := b.Marshal()
	return err == nil && problem == nil && slices.Equal(x, y)
}

// withoutLOAS takes off the header that makes a byte stream of elements (ISO/IEC 14496-3
// §1.7.2).
func withoutLOAS(b []byte) []byte {
	const head = 3
	if len(b) < head || b[0] != 0x56 || b[1]>>5 != 7 || int(b[1]&0x1f)<<8|int(b[2]) != len(b)-head {
		return b
	}
	return b[head:]
}

func openLATM(f *format.MPEG4AudioLATM) (*Path, error) {
	if c := f.StreamMuxConfig; c != nil {
		if len(c.Programs) != 1 || len(c.Programs[0].Layers) != 1 {
			return nil, refuse("AAC as LATM with several sounds in one; set the camera's sound to G.711 or AAC-LC")
		}
		return openAAC(c.Programs[0].Layers[0].AudioSpecificConfig, &latmSplit{config: plain(c)})
	}
	if !decodesAAC {
		return nil, refuse("AAC as LATM with its settings in the stream; set the camera's sound to G.711 or AAC-LC")
	}
	return &Path{
		Output: Output{MimeType: "audio/G722", ClockRate: g722Clock, Channels: 1},
		Input:  "AAC as LATM", Work: "becomes G.722", rate: uint32(f.ClockRate()), late: late(),
	}, nil
}

// plain gives settings as AAC has them where what was read is of other codecs. That is
// what follows an AudioSpecificConfig with a sync extension (ISO/IEC 14496-3 §1.6.2.1),
// which GStreamer's rtpmp4apay writes, and the library does not read.
func plain(c *mpeg4audio.StreamMuxConfig) *mpeg4audio.StreamMuxConfig {
	const fixed = 1 // the highest frameLengthType that AAC has
	l := c.Programs[0].Layers[0]
	if l.FrameLengthType <= fixed {
		return c
	}
	return &mpeg4audio.StreamMuxConfig{
		NumSubFrames: c.NumSubFrames,
		Programs: []*mpeg4audio.StreamMuxConfigProgram{{Layers: []*mpeg4audio.StreamMuxConfigLayer{{
			AudioSpecificConfig: l.AudioSpecificConfig, LatmBufferFullness: 0xff,
		}}}},
	}
}

// late makes the path of the first element that has settings.
func late() func(*Packet) (*Path, bool) {
	s := &latmSplit{inBand: true}
	return func(p *Packet) (path *Path, ok bool) {
		if s.units(p, func([]byte) {}) != nil || s.config == nil {
			return nil, false
		}
		path, err := openAAC(s.config.Programs[0].Layers[0].AudioSpecificConfig, s)
		return path, err == nil
	}
}

// openLate reports whether it is known now how to decode.
func (p *Path) openLate(in *Packet) bool {
	path, ok := p.late(in)
	if ok {
		path.Output, path.Input, path.Work = p.Output, p.Input, p.Work
		*p = *path
	}
	return ok
}
