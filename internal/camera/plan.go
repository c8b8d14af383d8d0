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
	picturePlan // its video is nil where there is none to take

	sound       *description.Media // nil: there is none to take
	soundFormat format.Format
	output      sound.Output
	input, work string

	// Why there is no picture, or no sound; nil where there is, or where the
	// camera has none.
	noVideo, noSound *Trouble
	// several tells which of several pictures is taken; nil where there are not several.
	several *Trouble
}

const mjpegAdvice = "set the stream to H.264 in the camera, or use its other stream in url"

// newPlan reads a description. refused are media that could not be read.
func newPlan(d *description.Session, refused []string, wantSound bool) *plan {
	p := &plan{}
	var pictures []picturePlan
	for _, m := range d.Medias {
		if m.IsBackChannel {
			continue
		}
		for _, f := range m.Formats {
			switch {
			case m.Type == description.MediaTypeVideo:
				if pic, ok := p.readVideo(m, f); ok {
					pictures = append(pictures, pic)
				}
			case m.Type == description.MediaTypeAudio && p.sound == nil && wantSound:
				p.takeSound(m, f)
			}
		}
	}
	p.choose(pictures)
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

// notes are what is not as it should be with the description.
func (p *plan) notes() (list []*Trouble) {
	for _, t := range []*Trouble{p.noVideo, p.noSound, p.several} {
		if t != nil {
			list = append(list, t)
		}
	}
	return list
}

// empty tells that nothing can be had.
func (p *plan) empty() bool { return p.video == nil && p.sound == nil }

// picturePlan is a picture that a description offers.
type picturePlan struct {
	video *description.Media
	codec nal.Codec
	sets  [][]byte // parameter sets of the description
	don   bool     // H.265 with decoding order numbers
}

// hasCodec reports whether packets of a format are of the picture. Media may have several
// payload types of one codec, and any of them may come (bluenviron/gortsplib#65).
func (c *picturePlan) hasCodec(f format.Format) bool {
	switch f.(type) {
	case *format.H264:
		return c.codec == nal.H264
	case *format.H265:
		return c.codec == nal.H265
	}
	return false
}

// format is as far as the description tells it.
func (c *picturePlan) format() nal.Format {
	f, _ := nal.NewStream(c.codec, c.sets...).Format()
	return f
}

// readVideo reads a format of a picture; it notes why one cannot be shown.
func (p *plan) readVideo(m *description.Media, f format.Format) (pic picturePlan, ok bool) {
	switch f := f.(type) {
	case *format.H264:
		return picturePlan{video: m, codec: nal.H264, sets: present(f.SafeParams())}, true
	case *format.H265:
		vps, sps, pps := f.SafeParams()
		return picturePlan{
			video: m, codec: nal.H265, don: f.MaxDONDiff > 0,
			sets: append(present(vps, sps), present(pps)...),
		}, true
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
	return picturePlan{}, false
}

// choose takes the picture that most browsers play, of those the largest, and of those the
// first.
func (p *plan) choose(pictures []picturePlan) {
	if len(pictures) == 0 {
		return
	}
	best := 0
	rank := func(c *picturePlan) (plays bool, area int) {
		f := c.format()
		return c.codec == nal.H264 && f.Refusal == "", int(f.Width) * int(f.Height)
	}
	media := map[*description.Media]bool{}
	for i := range pictures {
		media[pictures[i].video] = true
		plays, area := rank(&pictures[i])
		bestPlays, bestArea := rank(&pictures[best])
		if plays != bestPlays && plays || plays == bestPlays && area > bestArea {
			best = i
		}
	}
	p.picturePlan = pictures[best]
	if len(media) > 1 {
		which := fmt.Sprintf("number %d of %d, %s", best+1, len(pictures), p.codec)
		if f := p.format(); f.Fmtp != "" {
			which = fmt.Sprintf("number %d of %d, %s", best+1, len(pictures), describeFormat(f))
		}
		p.several = trouble("the camera offers several pictures at this address, and one is shown: "+which,
			"for another one, write its own address into url")
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
