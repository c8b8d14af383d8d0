package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"umbrella/internal/camera/nal"
	"umbrella/internal/camera/sound"
	"umbrella/internal/config"
	"umbrella/internal/forward"
	"umbrella/internal/onvif"
	"umbrella/internal/sfu"
)

// Camera is one section of the settings: a participant in its room, and what
// its URLs bring. The Manager makes it.
type Camera struct {
	cfg     config.Camera
	manager *Manager
	times   Times
	log     *slog.Logger
	feeds   []*feed // of url, and of substream if there is one

	still func(context.Context) ([]byte, error) // takes a snapshot

	life   context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu          sync.Mutex
	participant *sfu.Participant
	refused     *Trouble // why it is not in its room
	retryAt     time.Time
	talking     bool
	shot        *snapshot // the last one
	video       *sfu.Track
	class       string // of the video track: what a browser has to be able to play
	layers      map[*feed]*forward.Layer
	sound       *sfu.Track
	soundFeed   *feed
	soundExit   *exit
	soundOutput sound.Output
}

func (m *Manager) newCamera(cfg config.Camera) *Camera {
	c := &Camera{
		cfg: cfg, manager: m, times: m.Times.withDefaults(),
		log: m.Log.With("camera", cfg.Section, "room", cfg.Room), layers: map[*feed]*forward.Layer{},
	}
	c.still = (&onvif.Still{Stream: cfg.URL, Service: cfg.ONVIF}).Take
	c.feeds = []*feed{newFeed(c, "url", cfg.URL)}
	if cfg.Substream != "" {
		c.feeds = append(c.feeds, newFeed(c, "substream", cfg.Substream))
	}
	return c
}

func (c *Camera) start() {
	ctx, cancel := context.WithCancel(context.Background())
	c.life, c.cancel = ctx, cancel
	c.done.Go(func() { c.run(ctx) })
}

// stop takes the camera out of its room and waits until all of it has ended.
func (c *Camera) stop() {
	c.cancel()
	c.done.Wait()
}

func (c *Camera) run(ctx context.Context) {
	if !c.join(ctx) {
		return
	}
	var feeds sync.WaitGroup
	for _, f := range c.feeds {
		feeds.Go(func() { f.run(ctx) })
	}
	feeds.Wait()
	c.mu.Lock()
	p := c.participant
	c.participant = nil
	c.mu.Unlock()
	p.Leave() // its tracks end
}

// join brings the camera into its room, as soon as there is a place for it; it
// returns false when ctx is done.
func (c *Camera) join(ctx context.Context) bool {
	back := backoff{least: c.times.RetryLeast, most: c.times.RetryMost}
	for {
		p, err := c.manager.SFU.Join(sfu.Entry{Room: c.cfg.Room, ID: c.cfg.Section, Name: c.cfg.Name, Kind: sfu.Camera})
		if err == nil {
			c.mu.Lock()
			c.participant, c.refused = p, nil
			c.mu.Unlock()
			p.SetLoudspeaker(c)
			return true
		}
		pause := back.next()
		why, at := explainJoin(err), time.Now().Add(pause)
		c.log.Warn("camera cannot enter its room", "reason", why.Reason)
		c.mu.Lock()
		c.refused, c.retryAt = why, at
		c.mu.Unlock()
		c.stateChanged()
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-t.C:
		}
	}
}

func explainJoin(err error) *Trouble {
	switch {
	case errors.Is(err, sfu.ErrRoomFull):
		return trouble("the camera's room is full", "raise max_participants of the room")
	case errors.Is(err, sfu.ErrTaken):
		return trouble("somebody in the room has the camera's id already", "give the camera's section another name")
	}
	return trouble("the camera cannot enter its room: "+err.Error(), "")
}

// settle makes what is published fit what the camera sends.
func (c *Camera) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.participant == nil {
		return
	}
	c.settleVideo()
	c.settleSound()
}

// picturesOf are the feeds whose pictures make one track: all of them have to
// be of one codec, and H.264 is what every browser plays.
func (c *Camera) picturesOf() (list []*feed, best nal.Format) {
	formats := map[*feed]nal.Format{}
	codec := nal.H265
	for _, f := range c.feeds {
		f.mu.Lock()
		is := f.format
		f.mu.Unlock()
		if is.Fmtp == "" || is.Refusal != "" {
			continue
		}
		formats[f] = is
		if is.Codec == nal.H264 {
			codec = nal.H264
		}
	}
	for _, f := range c.feeds {
		is, ok := formats[f]
		if !ok || is.Codec != codec {
			continue
		}
		if len(list) == 0 || is.Rank > best.Rank {
			best = is
		}
		list = append(list, f)
	}
	return list, best
}

func (c *Camera) settleVideo() {
	list, best := c.picturesOf()
	class := fmt.Sprint(best.Codec, best.Rank)
	if c.video != nil && (len(list) == 0 || class != c.class) {
		for f := range c.layers {
			f.video.lead(nil)
		}
		c.video.Close()
		c.video = nil
		clear(c.layers)
	}
	if len(list) == 0 {
		return
	}
	media := &forward.Source{}
	if c.video != nil {
		media = c.video.Media
	}
	for f, l := range c.layers {
		if !slices.Contains(list, f) {
			f.video.lead(nil)
			media.Remove(l)
			delete(c.layers, f)
		}
	}
	for _, f := range list {
		if c.layers[f] == nil {
			l := c.newLayer(f, best)
			media.Add(l)
			c.layers[f] = l
			f.video.lead(l)
		}
	}
	if c.video != nil {
		return
	}
	track, err := c.participant.Publish(sfu.Publication{
		Kind: sfu.Video, Source: sfu.CameraPicture, Media: media,
		Codec: sfu.Codec{MimeType: best.Codec.MimeType(), ClockRate: 90000, Fmtp: best.Fmtp},
	})
	if err != nil { // it left meanwhile
		media.Close()
		clear(c.layers)
		return
	}
	c.video, c.class = track, class
}

func (c *Camera) newLayer(f *feed, is nal.Format) *forward.Layer {
	f.mu.Lock()
	own := f.format
	f.mu.Unlock()
	rid := ""
	if len(c.feeds) > 1 {
		rid = f.option
	}
	return forward.NewLayer(forward.LayerConfig{
		MimeType: is.Codec.MimeType(), ClockRate: 90000, SSRC: f.video.ssrc, RID: rid,
		Clock: c.participant.Clock(), Demand: f.ring, Totals: c.manager.Totals, Account: c.participant.History(),
		KeepGroup: c.manager.keepGroup(), Patient: true,
		Hint: forward.Scale{Width: own.Width, Height: own.Height, Spatial: 1, Temporal: 1},
	})
}

// soundOf is the feed whose sound is taken, nil where there is none; tried is
// false while one may have better. The substream's is as good, and whoever looks
// at small pictures need not have the large ones sent for it. One that is taken
// stays, unless it is down and the other one is not.
func (c *Camera) soundOf() (chosen *feed, tried bool) {
	phases := map[*feed]Phase{}
	for _, f := range c.feeds {
		f.mu.Lock()
		known, has := f.tried, f.plan != nil && f.plan.sound != nil
		phase := f.state.Phase
		f.mu.Unlock()
		if !known {
			return nil, false
		}
		if has {
			phases[f], chosen = phase, f
		}
	}
	if _, has := phases[c.soundFeed]; has && c.sound != nil {
		chosen = c.soundFeed
	}
	if phases[chosen] == Down {
		for f, phase := range phases {
			if phase == Live || phase == Idle {
				chosen = f
			}
		}
	}
	return chosen, true
}

// settleSound publishes the sound of one feed.
func (c *Camera) settleSound() {
	chosen, tried := c.soundOf()
	if !tried {
		return
	}
	var out *exit
	var output sound.Output
	if chosen != nil {
		chosen.mu.Lock()
		out, output = chosen.sound, chosen.plan.output
		chosen.mu.Unlock()
	}
	if c.sound != nil && (chosen != c.soundFeed || out != c.soundExit || output != c.soundOutput) {
		c.soundExit.lead(nil)
		c.sound.Close()
		c.sound = nil
	}
	for _, f := range c.feeds {
		f.mu.Lock()
		changed := f.voiced != (f == chosen)
		f.voiced = f == chosen
		f.mu.Unlock()
		if changed {
			f.ring()
		}
	}
	if chosen == nil || c.sound != nil {
		return
	}
	l := forward.NewLayer(forward.LayerConfig{
		MimeType: output.MimeType, ClockRate: output.ClockRate, SSRC: out.ssrc,
		Clock: c.participant.Clock(), Demand: chosen.ring, Totals: c.manager.Totals, Account: c.participant.History(),
	})
	media := &forward.Source{}
	media.Add(l)
	track, err := c.participant.Publish(sfu.Publication{
		Kind: sfu.Audio, Source: sfu.Microphone, Media: media,
		Codec: sfu.Codec{
			MimeType: output.MimeType, ClockRate: output.ClockRate, Channels: output.Channels, Fmtp: output.Fmtp,
		},
	})
	if err != nil { // it left meanwhile
		media.Close()
		return
	}
	out.lead(l)
	c.sound, c.soundFeed, c.soundExit, c.soundOutput = track, chosen, out, output
}

// notesOf tells what keeps the picture of a feed out of the track.
func (c *Camera) notesOf(f *feed) []*Trouble {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, best := c.picturesOf()
	f.mu.Lock()
	is := f.format
	f.mu.Unlock()
	if len(list) == 0 || is.Fmtp == "" || is.Refusal != "" || is.Codec == best.Codec {
		return nil
	}
	return []*Trouble{trouble(
		fmt.Sprintf("this stream is %s and the other one %s: only the other one is shown", is.Codec, best.Codec),
		"set both to H.264 in the camera")}
}

// State tells where the camera stands.
func (c *Camera) State() State {
	c.mu.Lock()
	s := State{Section: c.cfg.Section, Name: c.cfg.Name, Room: c.cfg.Room, Trouble: c.refused, RetryAt: c.retryAt}
	c.mu.Unlock()
	for _, f := range c.feeds {
		f.mu.Lock()
		st := f.state
		f.mu.Unlock()
		st.Notes = slices.Clone(st.Notes) // what f has is only ever replaced
		s.Streams = append(s.Streams, st)
	}
	if s.Trouble != nil {
		s.Phase = Down
		return s
	}
	first := s.Streams[0]
	for _, st := range s.Streams[1:] {
		if first.Phase != Live && (st.Phase == Live || first.Phase == Idle) {
			first = st // of one that nobody wants there is nothing to tell
		}
	}
	s.Phase, s.Since, s.Trouble, s.RetryAt = first.Phase, first.Since, first.Trouble, first.RetryAt
	return s
}

// stateChanged tells the room and the manager's owner.
func (c *Camera) stateChanged() {
	c.mu.Lock()
	p := c.participant
	c.mu.Unlock()
	if p != nil {
		st := c.State()
		switch st.Phase {
		case Live, Idle:
			p.SetQuality(sfu.Good)
		case Down:
			p.SetQuality(sfu.Lost)
		default:
			p.SetQuality(sfu.QualityUnknown)
		}
		p.SetNotice(st.notice())
	}
	if c.manager.OnChange != nil {
		c.manager.OnChange()
	}
}
