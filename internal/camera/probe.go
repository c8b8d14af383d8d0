package camera

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"umbrella/internal/camera/nal"
	"umbrella/internal/config"
	"umbrella/internal/sfu"
)

// Report tells what a camera sends and whether browsers will play it. Nothing
// in it is secret.
type Report struct {
	URL       string // without what is secret in it
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
	// Transcript is what the camera said, as the tests of this package can play it.
	Transcript string
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

// Probe looks at what a camera sends, the way that rooms do: it is a room with the camera
// alone in it. It looks until it is sure of what comes, which takes two keyframes, but no
// longer than Most and ctx allow. What it finds wrong is in the Report; it never fails.
type Probe struct {
	URL string
	// Most is how long it looks once the camera plays; 0 is 15 s.
	Most time.Duration
	// Record has the Report have a Transcript.
	Record bool
	// Times are for tests.
	Times Times

	transport config.Transport
	dial      dialer // nil: the network
}

const probeMost = 15 * time.Second

// Run does it.
func (p *Probe) Run(ctx context.Context) *Report {
	cfg := config.Camera{
		Section: "probe", Name: "probe", Room: "probe", URL: p.URL, Audio: true, Enabled: true,
		Transport: p.transport,
	}
	m := &Manager{SFU: &sfu.SFU{}, Log: slog.New(slog.DiscardHandler), Times: p.Times, dial: p.dial}
	var record *recorder
	if p.Record {
		record = &recorder{}
		m.tap = record.tap
	}
	m.Apply([]config.Camera{cfg})
	defer m.Close()
	f := m.cameras[cfg.Section].feeds[0]
	f.wait(ctx, cmp.Or(p.Most, probeMost))
	r := f.report()
	if record != nil {
		r.Transcript = record.transcript(p.URL, f, r)
	}
	return r
}

// wait looks until the camera has failed, or shown what it sends.
func (f *feed) wait(ctx context.Context, most time.Duration) {
	t := time.NewTicker(tick / 2)
	defer t.Stop()
	var live time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		f.mu.Lock()
		phase, c := f.state.Phase, f.playing
		f.mu.Unlock()
		switch {
		case phase == Down:
			return
		case phase != Live || c == nil:
			continue
		case live.IsZero():
			live = time.Now()
		}
		if time.Since(live) >= most || c.enough(f.camera.times.Look) {
			return
		}
	}
}

// enough reports whether it is known what comes: two keyframes, or some sound alone.
func (c *playing) enough(look time.Duration) bool {
	if time.Since(c.began) < look {
		return false
	}
	return c.picture == nil || c.picture.soFar().keyEvery > 0
}

// report puts down what the feed has seen.
func (f *feed) report() *Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &Report{URL: f.state.URL, Trouble: f.state.Trouble, Transport: f.state.Transport, UDPTrouble: f.notUDP}
	if f.plan != nil {
		r.Notes = f.plan.notes()
	}
	switch {
	case f.state.Phase == Down:
		if f.notUDP != nil && *f.notUDP == *r.Trouble {
			r.UDPTrouble = nil // it is told once
		}
	case f.state.Phase != Live || f.playing == nil:
		r.Trouble = errTooLong
	default:
		f.playing.reportVideo(r)
		f.playing.reportSound(r)
	}
	return r
}

func (c *playing) reportVideo(r *Report) {
	if c.picture == nil {
		return
	}
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

func (c *playing) reportSound(r *Report) {
	v := c.voice
	if v == nil {
		return
	}
	_, readable := v.state()
	v.mu.Lock()
	r.Sound = &SoundReport{
		Description: c.plan.input, Work: c.plan.work, Packets: v.total, Readable: readable, Reports: v.report,
	}
	v.mu.Unlock()
	r.Hears = readable && r.Sound.Packets > 0
	if r.Sound.Packets == 0 {
		r.Notes = append(r.Notes, trouble("the camera says that it sends sound, but none comes", "turn its microphone on"))
	}
}
