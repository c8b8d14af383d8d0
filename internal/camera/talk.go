package camera

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/pion/rtp"

	"umbrella/internal/camera/sound"
	"umbrella/internal/config"
	"umbrella/internal/crash"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

var (
	errNoSpeaker = trouble("the camera takes no sound", "some need two-way audio to be turned on in them")
	errTalks     = trouble("somebody else talks to the camera now", "try again in a moment")
	errGone      = trouble("the camera has left the room", "")
)

// Play implements sfu.Loudspeaker. The camera is asked for its back channel
// (ONVIF Streaming §5.3) on a connection of its own, and not before somebody
// talks: some cameras break when they are asked.
func (c *Camera) Play(media *forward.Source, tell func(sfu.Talk)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	problem := errGone
	switch {
	case c.participant == nil:
	case c.talking:
		problem = errTalks
	default:
		c.talking = true
		c.done.Go(func() {
			defer cancel()
			stopped := context.AfterFunc(c.life, cancel)
			defer stopped()
			c.talk(ctx, media, tell)
		})
		return cancel
	}
	tell(sfu.Talk{Problem: problem.Error()})
	return cancel
}

// talk plays media on the camera until ctx is done or it cannot be played any
// more.
func (c *Camera) talk(ctx context.Context, media *forward.Source, tell func(sfu.Talk)) {
	f := c.feeds[0]
	err := c.speak(ctx, f.url, media, func() { tell(sfu.Talk{Live: true}) })
	c.mu.Lock()
	c.talking = false
	p := c.participant
	c.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	t := explain(err, f.url)
	c.log.Info("nobody can be heard at the camera", "reason", t.Reason)
	if *t == *errNoSpeaker && p != nil {
		p.SetLoudspeaker(nil)
	}
	tell(sfu.Talk{Problem: t.Error()})
}

func (c *Camera) speak(ctx context.Context, url string, media *forward.Source, live func()) (err error) {
	defer crash.Contain(crash.Camera, c.cfg.Section, &err)
	transport := gortsplib.TransportTCP
	if c.cfg.Transport == config.TransportUDP {
		transport = gortsplib.TransportUDP
	}
	s, err := dial(ctx, url, transport, true)
	var status liberrors.ErrClientBadStatusCode
	if errors.As(err, &status) && (status.Code == base.StatusOptionNotSupported || status.Code == base.StatusNotImplemented) {
		return errNoSpeaker
	}
	if err != nil {
		return err
	}
	defer s.close()
	m, law := backChannel(s.desc)
	if m == nil {
		return errNoSpeaker
	}
	if _, err := s.play(ctx, []*description.Media{m}, func(*description.Media) {}); err != nil {
		return err
	}
	c.log.Info("somebody talks to the camera")
	live()
	out := &speaker{session: s, media: m, law: law, ssrc: rand.Uint32()}
	var stream forward.Stream
	stream.Bind(forward.StreamConfig{Sender: out, SSRC: out.ssrc})
	defer stream.Unbind()
	stream.Play(media, forward.PayloadTypes{Media: law.PayloadTyp})
	look := time.NewTicker(tick)
	defer look.Stop()
	for {
		// What talks may begin anew.
		if layers := media.Layers(); len(layers) > 0 {
			stream.Aim(layers[0], forward.MaxSpatial, forward.MaxTemporal)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.ended:
			return s.ending()
		case <-look.C:
		}
	}
}

// backChannel finds where a camera takes G.711, the one sound that all that
// have a loudspeaker take (ONVIF Profile T §7.12).
func backChannel(d *description.Session) (*description.Media, *format.G711) {
	for _, m := range d.Medias {
		for _, f := range m.Formats {
			if law, ok := f.(*format.G711); ok && m.IsBackChannel && law.SampleRate == 8000 && law.ChannelCount == 1 {
				return m, law
			}
		}
	}
	return nil, nil
}

// speaker sends packets to a camera. It implements forward.Sender.
type speaker struct {
	session *session
	media   *description.Media
	law     *format.G711
	ssrc    uint32
}

// SendRTP implements forward.Sender.
func (s *speaker) SendRTP(h *rtp.Header, payload []byte) error {
	p := &rtp.Packet{Header: rtp.Header{
		Version: 2, Marker: h.Marker, PayloadType: s.law.PayloadTyp, SequenceNumber: h.SequenceNumber, Timestamp: h.Timestamp, SSRC: s.ssrc,
	}, Payload: append([]byte{}, payload...)}
	if !s.law.MULaw {
		sound.MuLawToALaw(p.Payload)
	}
	return s.session.client.WritePacketRTP(s.media, p)
}

// Flush implements forward.Sender.
func (s *speaker) Flush() {}
