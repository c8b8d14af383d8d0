package camera

import (
	"context"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"

	"umbrella/internal/camera/nal"
	"umbrella/internal/config"
	"umbrella/internal/crash"
)

// Report tells what a camera sends and whether browsers will play it. Nothing
// in it is secret.
type Report struct {
	URL       string // without what is secret in it
	Reached   bool   // it could be described
	Trouble   *Trouble
	Transport string // "udp" or "tcp"
	// UDPTrouble tells why it was not UDP, where both were tried.
	UDPTrouble *Trouble

	// Blind tells why browsers do not show a picture that comes; nil where they do.
	Blind *Trouble
	Video *VideoReport // nil where there is none that is taken
	Sound *SoundReport
	// Notes tell what is not as it should be, and what to change.
	Notes []*Trouble
	// Plays tells that browsers will show the picture; Hears that they will play
	// the sound.
	Plays, Hears bool
}

// VideoReport is what was seen of a picture.
type VideoReport struct {
	Description string // "H.264 High 4.1, 1920x1080, 25 Hz"
	Codec       nal.Codec
	Width       uint16
	Height      uint16
	// FrameRate in Hz and Bitrate in bits per second, as they came.
	FrameRate float64
	Bitrate   uint64
	// FirstKeyframe is how long the first one took, from the first packet on;
	// negative if none came. KeyframeEvery is the longest time between two; 0 if
	// there were not two.
	FirstKeyframe, KeyframeEvery time.Duration
	BFrames                      bool
	// InBand tells that parameter sets come among the pictures, Described that
	// the SDP has them.
	InBand, Described bool
	Lost              int  // pictures with parts missing
	Reports           bool // sender reports came (RTCP)
}

// SoundReport is what was seen of the sound.
type SoundReport struct {
	Description string // "AAC-LC, 16 kHz, mono"
	Work        string // "passed on", or what it becomes
	Packets     uint64
	Readable    bool
	Reports     bool // sender reports came (RTCP)
}

// Probe looks at what a camera sends, for as long as it takes to see two
// keyframes but no longer than ctx allows, nor 20 s. What it finds wrong is in
// the Report; it never fails.
type Probe struct {
	URL string
	// Times are for tests.
	Times Times
	// Most is how long it looks; 0 is 20 s.
	Most time.Duration

	dial dialer // nil: the network
}

const probeMost = 20 * time.Second

// Run does it.
func (p *Probe) Run(ctx context.Context) *Report {
	r := &Report{URL: config.RedactURL(p.URL)}
	times := p.Times.withDefaults()
	ways := []gortsplib.Transport{gortsplib.TransportUDP, gortsplib.TransportTCP}
	if strings.HasPrefix(p.URL, "rtsps:") {
		ways = ways[1:]
	}
	for _, t := range ways {
		err := p.look(ctx, r, t, times)
		if err == nil {
			return r
		}
		r.Trouble = explain(err, p.URL)
		if t == gortsplib.TransportTCP || !otherWay(err) {
			break
		}
		r.UDPTrouble = r.Trouble
	}
	return r
}

// look tries one way.
func (p *Probe) look(ctx context.Context, r *Report, t gortsplib.Transport, times Times) (err error) {
	defer crash.Contain(crash.Camera, r.URL, &err)
	by := p.dial
	if by == nil {
		by = connect
	}
	s, err := dialBy(ctx, by, p.URL, t, false)
	if err != nil {
		return err
	}
	defer s.close()
	r.Reached = true
	plan := newPlan(s.desc, s.repair.description.Refused, true)
	r.Notes = plan.notes()
	if plan.empty() {
		return firstTrouble(plan.noVideo, plan.noSound, errNoTracks)
	}
	c := &probing{session: s, plan: plan, udp: t == gortsplib.TransportUDP}
	defer c.close()
	if err := c.begin(ctx); err != nil {
		return err
	}
	most := p.Most
	if most == 0 {
		most = probeMost
	}
	if err := c.wait(ctx, times, most); err != nil {
		return err
	}
	r.Trouble = nil
	r.Transport = "tcp"
	if c.udp {
		r.Transport = "udp"
	}
	c.report(r)
	return nil
}

// probing is a connection that is looked at.
type probing struct {
	session *session
	plan    *plan
	udp     bool
	began   time.Time
	picture *picture
	voice   *voice
}

func (c *probing) begin(ctx context.Context) error {
	clock := &wall{}
	var media []*description.Media
	if c.plan.video != nil {
		e := newExit(90000)
		e.connect(clock)
		c.picture = newPicture(c.plan, e, func(nal.Format) {})
		media = append(media, c.plan.video)
	}
	if c.plan.sound != nil {
		e := newExit(c.plan.output.ClockRate)
		e.connect(clock)
		v, err := newVoice(c.plan, e)
		if err != nil {
			return err
		}
		c.voice = v
		media = append(media, c.plan.sound)
	}
	c.began = time.Now()
	failed, err := c.session.play(ctx, media, func(m *description.Media) { lead(c.session, c.plan, c.picture, c.voice, m) })
	if err != nil {
		return err
	}
	if err := failed[c.plan.video]; err != nil && c.picture != nil {
		return &setupError{err}
	}
	return nil
}

// wait looks until two keyframes came, or the time is over.
func (c *probing) wait(ctx context.Context, times Times, most time.Duration) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil // with what there is
		case <-c.session.ended:
			return c.session.ending()
		case <-t.C:
		}
		if c.picture != nil {
			c.picture.overdue(time.Now())
		}
		passed := time.Since(c.began)
		came := c.packets() > 0
		switch {
		case !came && c.udp && passed >= times.UDPWait:
			return errSilent
		case !came && passed >= times.Stall:
			return errNothing
		case passed >= most:
			return nil
		case came && c.enough():
			return nil
		case c.udp && c.picture != nil && c.picture.soFar().torn(time.Now()):
			return errTorn
		}
	}
}

func (c *probing) packets() (n uint64) {
	if c.picture != nil {
		return c.picture.soFar().packets
	}
	c.voice.mu.Lock()
	defer c.voice.mu.Unlock()
	return c.voice.total
}

// enoughSound is how long sound alone is listened to.
const enoughSound = 3 * time.Second

func (c *probing) enough() bool {
	if c.picture == nil {
		return time.Since(c.began) >= enoughSound
	}
	s := c.picture.soFar()
	return s.keyEvery > 0 && s.last.Sub(s.begun) >= enoughSound
}

// report puts what was seen down.
func (c *probing) report(r *Report) {
	if c.picture != nil {
		s := c.picture.soFar()
		f, known := c.picture.format()
		v := &VideoReport{
			Description: c.plan.codec.String(), Codec: c.plan.codec, Width: f.Width, Height: f.Height,
			FirstKeyframe: -1, KeyframeEvery: s.keyEvery, BFrames: s.findings.LeftOut > 0,
			InBand: s.findings.InBand, Described: len(c.plan.sets) > 0, Lost: s.findings.Broken, Reports: s.report,
		}
		if known {
			v.Description = describeFormat(f)
		}
		if passed := s.last.Sub(s.begun).Seconds(); passed > 0.5 {
			v.FrameRate = float64(s.findings.Pictures) / passed
			v.Bitrate = uint64(float64(s.bytes) * 8 / passed)
		}
		if !s.firstKey.IsZero() {
			v.FirstKeyframe = s.firstKey.Sub(s.begun)
		}
		r.Video = v
		r.Blind = refusal(f)
		r.Plays = known && f.Refusal == "" && s.pictures > 0
		r.Notes = append(r.Notes, s.notes(f, c.udp, time.Now())...)
		if s.firstKey.IsZero() {
			r.Notes = append(r.Notes, errNoKeyframe)
		}
	}
	if c.voice != nil {
		_, readable := c.voice.state()
		c.voice.mu.Lock()
		r.Sound = &SoundReport{
			Description: c.plan.input, Work: c.plan.work, Packets: c.voice.total, Readable: readable, Reports: c.voice.report,
		}
		c.voice.mu.Unlock()
		r.Hears = readable && r.Sound.Packets > 0
		if r.Sound.Packets == 0 {
			r.Notes = append(r.Notes, trouble("the camera says that it sends sound, but none comes", "turn its microphone on"))
		}
	}
}

func (c *probing) close() {
	c.session.close()
	if c.voice != nil {
		c.voice.close()
	}
}
