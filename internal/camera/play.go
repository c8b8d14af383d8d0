package camera

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"

	"umbrella/internal/camera/nal"
	"umbrella/internal/config"
	"umbrella/internal/crash"
)

// playing is one connection while it plays.
type playing struct {
	feed    *feed
	session *session
	plan    *plan
	brings  want
	udp     bool
	began   time.Time
	picture *picture // nil where it brings none
	voice   *voice
	idle    time.Time // since when nobody wants it; zero while somebody does
	noted   time.Time // when it was last looked at what could be better
}

var errNoKeyframe = trouble("the camera sends pictures, but no keyframe",
	"set its keyframe interval (GOP) to 2 seconds, and turn off what it calls smart codec")

const (
	// steady is how long a connection has to last before the next failure counts
	// as a first one.
	steady = 10 * time.Second
	// brief is how long one has to last before it is dialled anew at once where the
	// camera ends it.
	brief = time.Second
	// keyframeWait is how long a keyframe may take before it is told.
	keyframeWait = 30 * time.Second
	// firstWait is how often the first packet may take what later ones may: a camera
	// that sends a picture in ten seconds has to come to it.
	firstWait = 3
	// tick is how often a connection is looked after.
	tick = 200 * time.Millisecond
	// noteInterval is how often it is looked at what could be better.
	noteInterval = time.Second
)

// play connects in one way and plays as long as it is wanted. asked is what was
// wanted when it began to be tried; came tells whether anything came.
func (f *feed) play(ctx context.Context, t gortsplib.Transport, asked want, back *backoff) (came bool, err error) {
	defer crash.Contain(crash.Camera, f.camera.cfg.Section, &err)
	by := f.camera.manager.dial
	if by == nil {
		by = connect
	}
	s, err := dialBy(ctx, by, f.camera.manager.tap, f.url, t, false)
	if err != nil {
		return false, err
	}
	defer s.close()
	s.orTCP = f.camera.cfg.Transport == config.TransportAuto
	p := newPlan(s.desc, s.repair.description.Refused, f.camera.cfg.Audio)
	f.learn(p)
	if p.empty() {
		return false, firstTrouble(p.noVideo, p.noSound, errNoTracks)
	}
	w := f.wanted()
	if !w.any() {
		// Who watches may have taken the other stream while this one was slow.
		w = want{video: asked.video && p.video != nil, sound: asked.sound && p.sound != nil}
	}
	if !w.any() {
		return false, nil // it is known now, and nobody watches
	}
	c := &playing{feed: f, session: s, plan: p, brings: w, began: time.Now()}
	defer c.close()
	if err := c.begin(ctx); err != nil {
		return false, err
	}
	f.plays(c)
	came, err = c.watch(ctx)
	switch lasted := time.Since(c.began); {
	case !came:
	case lasted >= steady:
		back.reset()
		fallthrough
	case lasted >= brief:
		back.none = hasEnded(err)
	}
	return came, err
}

// plays notes the connection that plays, and why it is not by UDP.
func (f *feed) plays(c *playing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.playing = c
	if c.session.noUDP != nil {
		f.notUDP = explain(c.session.noUDP, f.url)
	}
}

func firstTrouble(list ...*Trouble) *Trouble {
	for _, t := range list {
		if t != nil {
			return t
		}
	}
	return nil
}

// learn notes what a description says, and has the room follow.
func (f *feed) learn(p *plan) {
	var is nal.Format
	known := false
	if p.video != nil {
		is, known = nal.NewStream(p.codec, p.sets...).Format()
	}
	f.learned(func() {
		f.plan, f.tried = p, true
		switch {
		case known:
			f.format = is
		case p.video == nil || f.format.Codec != p.codec:
			f.format = nal.Format{}
		}
		if p.sound != nil && (f.sound == nil || f.sound.line.rate != int64(p.output.ClockRate)) {
			f.sound = newExit(p.output.ClockRate)
		}
	})
	f.camera.settle()
}

// learned changes what is known of the feed, and puts it in words.
func (f *feed) learned(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.describeState()
}

// relearn notes what the pictures say. It is called ahead of the one that needs
// it.
func (f *feed) relearn(is nal.Format) {
	f.learned(func() { f.format = is })
	f.camera.settle()
	f.ring()
}

// describeState puts what is known in words. The caller holds mu.
func (f *feed) describeState() {
	s := &f.state
	s.Video, s.Sound, s.Blind = "", "", f.plan.noVideo
	if t := refusal(f.format); t != nil {
		s.Blind = t
	}
	if f.format.Fmtp != "" {
		s.Video = describeFormat(f.format)
	} else if f.plan.video != nil {
		s.Video = f.plan.codec.String()
	}
	if f.plan.sound != nil {
		s.Sound = f.plan.input + ", " + f.plan.work
	}
}

// describeFormat is a format as people read it.
func describeFormat(f nal.Format) string {
	text := fmt.Sprintf("%s %s %s", f.Codec, f.Profile, f.Level)
	if f.Width > 0 {
		text += fmt.Sprintf(", %dx%d", f.Width, f.Height)
	}
	if f.FrameRate > 0 {
		text += fmt.Sprintf(", %.4g Hz", f.FrameRate)
	}
	return text
}

// begin sets up what is to be brought.
func (c *playing) begin(ctx context.Context) error {
	f, p := c.feed, c.plan
	var media []*description.Media
	clock := &wall{}
	if c.brings.video {
		c.picture = newPicture(p, f.video, f.relearn)
		f.video.connect(clock)
		media = append(media, p.video)
	}
	if c.brings.sound {
		v, err := newVoice(p, f.sound)
		if err != nil {
			return err
		}
		c.voice = v
		f.sound.connect(clock)
		media = append(media, p.sound)
	}
	failed, err := c.session.play(ctx, media, func(m *description.Media) { lead(c.session, p, c.picture, c.voice, m) })
	c.udp = c.session.transport == gortsplib.TransportUDP
	if err != nil {
		return err
	}
	if err := failed[p.video]; err != nil && c.picture != nil {
		return &setupError{err}
	}
	if err := failed[p.sound]; err != nil && c.voice != nil {
		p.noSound = trouble("the camera does not send its sound: "+explain(err, f.url).Reason, "set the camera's sound to G.711")
		c.voice.close()
		c.voice = nil
	}
	return nil
}

// lead sends the packets of media that are set up to what reads them.
func lead(s *session, p *plan, pic *picture, v *voice, m *description.Media) {
	for _, f := range m.Formats {
		switch {
		case pic != nil && m == p.video && p.hasCodec(f):
			s.lead(m, f, pic.packet, pic.control)
		case v != nil && m == p.sound && f == p.soundFormat:
			s.lead(m, f, v.packet, v.control)
		}
	}
}

// contained is take, which ends the session where it panics. The library calls it
// from its own goroutine.
func contained[P any](s *session, take func(P)) func(P) {
	return func(packet P) {
		if s.fault.Load() != nil {
			return
		}
		var err error
		defer func() {
			if err != nil {
				s.fault.Store(&err)
				s.abort()
			}
		}()
		defer crash.Contain(crash.Camera, s.url.Host, &err)
		take(packet)
	}
}

// watch waits until the connection is not wanted any more, or is of no use.
func (c *playing) watch(ctx context.Context) (came bool, err error) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return came, ctx.Err()
		case <-c.session.ended:
			came = came || c.last().After(c.began)
			return came, c.session.ending()
		case <-c.feed.wake:
		case <-t.C:
		}
		now := time.Now()
		if c.picture != nil {
			c.picture.overdue(now)
		}
		if !came && c.last().After(c.began) {
			came = true
			c.live()
		}
		if done := c.unwanted(now); done {
			return came, nil
		}
		if err := c.stalled(now, came); err != nil {
			return came, err
		}
		if came && now.Sub(c.noted) >= noteInterval {
			c.noted = now
			c.note(now)
		}
	}
}

// last is when the last packet came that counts: with a picture, if there is to
// be one.
func (c *playing) last() time.Time {
	if c.picture != nil {
		return c.picture.soFar().last
	}
	at, _ := c.voice.state()
	return at
}

func (c *playing) live() {
	f := c.feed
	transport := "tcp"
	if c.udp {
		transport = "udp"
	}
	f.mu.Lock()
	f.state.Transport = transport
	f.byTCP = !c.udp
	f.mu.Unlock()
	f.set(Live, nil)
	f.log.Info("camera is live", "transport", transport)
}

// unwanted tells whether the connection is to end, as nobody wants it any more
// or somebody wants what it does not bring.
func (c *playing) unwanted(now time.Time) bool {
	w := c.feed.wanted()
	if c.voice == nil && c.brings.sound {
		w.sound = false // it cannot be had
	}
	if w.any() {
		c.idle = time.Time{}
		return !c.brings.covers(w)
	}
	if c.idle.IsZero() {
		c.idle = now
	}
	return now.Sub(c.idle) >= c.feed.camera.times.Linger
}

// stalled tells whether the connection is of no use.
func (c *playing) stalled(now time.Time, came bool) error {
	times := &c.feed.camera.times
	if !came {
		switch silent := now.Sub(c.began); {
		case c.udp && silent >= times.UDPWait:
			return errSilent
		case silent >= firstWait*times.Stall:
			return errNothing
		}
		return nil
	}
	last := c.last()
	if c.session.hasEnded(last, now) {
		return errEnded
	}
	patience := times.Stall
	if c.picture != nil {
		patience = c.picture.soFar().patience(times.Stall)
	}
	if now.Sub(last) >= patience {
		return errStalled
	}
	if c.picture == nil {
		return nil
	}
	if c.udp && c.feed.mayUseTCP() && c.picture.soFar().torn(now) {
		return errTorn
	}
	if _, known := c.picture.format(); !known && now.Sub(c.began) >= c.picture.soFar().keyframeWait() {
		return errNoKeyframe
	}
	return nil
}

// note tells what is not as it should be.
func (c *playing) note(now time.Time) {
	f := c.feed
	var list []*Trouble
	if c.picture != nil {
		format, _ := c.picture.format()
		list = append(list, c.picture.soFar().notes(format, c.udp, now)...)
	}
	if c.voice != nil {
		if _, readable := c.voice.state(); !readable {
			list = append(list, trouble("the camera's sound cannot be decoded", "set it to G.711 in the camera"))
		}
	}
	if f.video.tooLarge() {
		list = append(list, trouble("keyframes are too far apart for the picture to be there at once", adviceGroup))
	}
	list = append(list, f.camera.notesOf(f)...)
	list = append(list, c.plan.notes()...)
	f.mu.Lock()
	if f.torn && !c.udp {
		list = append(list, errTorn)
	}
	was := f.state.Notes
	f.state.Notes = list
	f.mu.Unlock()
	if slices.EqualFunc(was, list, func(a, b *Trouble) bool { return *a == *b }) {
		return
	}
	for _, t := range list {
		f.log.Warn("camera could be better", "reason", t.Reason, "advice", t.Advice)
	}
	f.camera.stateChanged()
}

func (c *playing) close() {
	// No packet comes any more once the session is closed.
	c.session.close()
	if c.voice != nil {
		c.voice.close()
	}
}
