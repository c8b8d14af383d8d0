package camera

import (
	"fmt"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"

	"umbrella/internal/camera/nal"
	"umbrella/internal/camera/sound"
)

// plan says what is taken of what a camera describes. It is made anew for each
// connection.
type plan struct {
	video *description.Media // nil: there is none to take
	codec nal.Codec
	sets  [][]byte // parameter sets of the description
	don   bool     // H.265 with decoding order numbers
	// payloadType of the packets with the picture: some media have several.
	videoType uint8

	sound       *description.Media // nil: there is none to take
	soundFormat format.Format
	output      sound.Output
	input, work string

	// Why there is no picture, or no sound; nil where there is, or where the
	// camera has none.
	noVideo, noSound *Trouble
}

const mjpegAdvice = "set the stream to H.264 in the camera, or use its other stream in url"

// newPlan reads a description. refused are media that could not be read.
func newPlan(d *description.Session, refused []string, wantSound bool) *plan {
	p := &plan{}
	for _, m := range d.Medias {
		if m.IsBackChannel {
			continue
		}
		for _, f := range m.Formats {
			switch {
			case m.Type == description.MediaTypeVideo && p.video == nil:
				p.takeVideo(m, f)
			case m.Type == description.MediaTypeAudio && p.sound == nil && wantSound:
				p.takeSound(m, f)
			}
		}
	}
	for _, line := range refused {
		switch {
		case strings.HasPrefix(line, "video") && p.video == nil && p.noVideo == nil:
			p.noVideo = trouble("the camera's description of its picture (SDP) cannot be read", "update its firmware")
		case strings.HasPrefix(line, "audio") && p.sound == nil && p.noSound == nil && wantSound:
			p.noSound = trouble("the camera's description of its sound (SDP) cannot be read", "set the camera's sound to G.711")
		}
	}
	if p.video != nil {
		p.noVideo = nil
	}
	if p.sound != nil {
		p.noSound = nil
	}
	return p
}

// empty tells that nothing can be had.
func (p *plan) empty() bool { return p.video == nil && p.sound == nil }

func (p *plan) takeVideo(m *description.Media, f format.Format) {
	switch f := f.(type) {
	case *format.H264:
		p.video, p.codec, p.videoType = m, nal.H264, f.PayloadTyp
		p.sets = present(f.SafeParams())
	case *format.H265:
		p.video, p.codec, p.videoType, p.don = m, nal.H265, f.PayloadTyp, f.MaxDONDiff > 0
		vps, sps, pps := f.SafeParams()
		p.sets = append(present(vps, sps), present(pps)...)
	case *format.MJPEG:
		p.noVideo = trouble("the camera sends MJPEG, which browsers cannot play as a stream", mjpegAdvice)
	case *format.MPEG4Video:
		p.noVideo = trouble("the camera sends MPEG-4, which browsers do not play", mjpegAdvice)
	default:
		name := f.Codec()
		if name == "Generic" {
			name, _, _ = strings.Cut(f.RTPMap(), "/")
		}
		if p.noVideo == nil {
			p.noVideo = trouble(fmt.Sprintf("the camera sends %q, which is not taken from cameras", name), mjpegAdvice)
		}
	}
}

func present(sets ...[]byte) (list [][]byte) {
	for _, s := range sets {
		if len(s) > 0 {
			list = append(list, s)
		}
	}
	return list
}

func (p *plan) takeSound(m *description.Media, f format.Format) {
	path, err := sound.Open(f)
	if err != nil {
		if p.noSound == nil {
			words := strings.TrimPrefix(err.Error(), sound.ErrRefused.Error()+": ")
			reason, advice, _ := strings.Cut(words, "; ")
			p.noSound = trouble(sound.ErrRefused.Error()+": "+reason, advice)
		}
		return
	}
	defer path.Close()
	p.sound, p.soundFormat = m, f
	p.output, p.input, p.work = path.Output, path.Input, path.Work
}
