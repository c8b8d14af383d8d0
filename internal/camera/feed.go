package camera

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"

	"umbrella/internal/camera/nal"
	"umbrella/internal/config"
)

// feed is one URL of a camera. Its goroutine connects while what it carries is
// wanted.
type feed struct {
	camera *Camera
	option string // "url" or "substream"
	url    string
	log    *slog.Logger
	wake   chan struct{} // what is wanted may have changed

	video, sound *exit

	mu      sync.Mutex
	state   StreamState
	plan    *plan      // of the last description; nil before the first
	playing *playing   // the last connection that has played; nil before the first
	format  nal.Format // of the picture; Fmtp is empty while it is not known
	tried   bool       // the first description came, or failed
	voiced  bool       // it is the feed whose sound is taken
	byTCP   bool       // UDP has failed before
	notUDP  *Trouble   // why; nil if UDP has not failed
	torn    bool       // by UDP the pictures came with parts missing
	noTCP   bool       // and by TCP they do not come at all
}

func newFeed(c *Camera, option, url string) *feed {
	f := &feed{
		camera: c, option: option, url: url, log: c.log.With("stream", option),
		wake: make(chan struct{}, 1), video: newExit(90000),
	}
	f.state = StreamState{Option: option, URL: config.RedactURL(url), Phase: Connecting, Since: time.Now()}
	return f
}

// ring wakes the feed's goroutine. It does not block.
func (f *feed) ring() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// want is what a feed is to bring.
type want struct{ video, sound bool }

func (w want) any() bool { return w.video || w.sound }

// covers tells whether one that brings w brings o, too.
func (w want) covers(o want) bool { return (w.video || !o.video) && (w.sound || !o.sound) }

// wanted tells what is to be brought now.
func (f *feed) wanted() want {
	f.mu.Lock()
	p, voiced, out := f.plan, f.voiced, f.sound
	known := f.format.Fmtp != ""
	f.mu.Unlock()
	if p == nil || p.empty() {
		return want{}
	}
	warm := !f.camera.cfg.OnDemand
	w := want{video: p.video != nil && (warm || f.video.wanted())}
	if p.video != nil && !known {
		w.video = true // its parameter sets come with the pictures only
	}
	w.sound = voiced && out != nil && (warm || w.video || out.wanted())
	return w
}

// run connects when it has to, until ctx is done.
func (f *feed) run(ctx context.Context) {
	back := backoff{least: f.camera.times.RetryLeast, most: f.camera.times.RetryMost}
	for ctx.Err() == nil {
		if !f.await(ctx) {
			return
		}
		err := f.connect(ctx, &back)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			back.reset()
			continue
		case back.none:
			back.none = false
			f.log.Info("camera has ended the stream, dialling it again", "reason", explain(err, f.url).Reason)
			continue
		}
		t := explain(err, f.url)
		if f.camera.cfg.Transport == config.TransportAuto {
			t = t.inAuto()
		}
		pause := back.next()
		f.fail(t, time.Now().Add(pause))
		f.pause(ctx, pause)
	}
}

// pause waits before the next try, but not for long once somebody comes who
// wants to watch.
func (f *feed) pause(ctx context.Context, d time.Duration) {
	wanted := f.wanted().any()
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			return
		case <-f.wake:
			if is := f.wanted().any(); is != wanted {
				wanted = is
				if is {
					t.Reset(min(d, f.camera.times.RetryLeast))
				}
			}
		}
	}
}

// await holds until the feed has to connect; it returns false when ctx is done.
func (f *feed) await(ctx context.Context) bool {
	for {
		f.mu.Lock()
		plan := f.plan
		f.mu.Unlock()
		if plan == nil || plan.empty() || f.wanted().any() {
			return true
		}
		f.set(Idle, nil)
		f.video.forget()
		select {
		case <-ctx.Done():
			return false
		case <-f.wake:
		}
	}
}

// transports are the ways to try, the best one first.
func (f *feed) transports() []gortsplib.Transport {
	tcp, udp := gortsplib.TransportTCP, gortsplib.TransportUDP
	switch f.camera.cfg.Transport {
	case config.TransportTCP:
		return []gortsplib.Transport{tcp}
	case config.TransportUDP:
		return []gortsplib.Transport{udp}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byTCP || len(f.url) >= 6 && f.url[:6] == "rtsps:" {
		return []gortsplib.Transport{tcp}
	}
	return []gortsplib.Transport{udp, tcp}
}

// mayUseTCP reports whether it may come by TCP in place of UDP.
func (f *feed) mayUseTCP() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.camera.cfg.Transport == config.TransportAuto && !f.noTCP
}

// connect describes the camera and plays it as long as it is wanted. It returns
// nil when it is not wanted any more, or something else is.
func (f *feed) connect(ctx context.Context, back *backoff) error {
	if f.phase() != Live {
		f.set(Connecting, nil)
	}
	asked := f.wanted()
	var err error
	for _, t := range f.transports() {
		var came bool
		came, err = f.play(ctx, t, asked, back)
		if err == nil || ctx.Err() != nil {
			return err
		}
		torn := errors.Is(err, errTorn)
		if came && !torn || !otherWay(err) {
			return err
		}
		why := explain(err, f.url)
		f.mu.Lock()
		if t == gortsplib.TransportTCP {
			// It may have changed its mind since.
			f.byTCP, f.noTCP, f.torn = false, f.torn, false
			f.mu.Unlock()
			return err
		}
		f.notUDP, f.torn = why, torn
		f.mu.Unlock()
		f.log.Info("UDP is of no use, trying TCP", "reason", why.Reason)
	}
	return err
}

// phase of the feed.
func (f *feed) phase() Phase {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Phase
}

// set changes the phase.
func (f *feed) set(p Phase, t *Trouble) { f.change(p, t, time.Time{}) }

// fail notes why the feed is down and when it is tried again.
func (f *feed) fail(t *Trouble, retry time.Time) {
	f.log.Warn("camera is down", "reason", t.Reason, "advice", t.Advice, "retry", time.Until(retry).Round(time.Millisecond))
	f.mu.Lock()
	f.tried = true
	f.mu.Unlock()
	f.change(Down, t, retry)
}

func (f *feed) change(p Phase, t *Trouble, retry time.Time) {
	f.mu.Lock()
	s := &f.state
	same := s.Phase == p && (s.Trouble == nil) == (t == nil) && (t == nil || *s.Trouble == *t)
	other := s.Phase != p
	if other {
		s.Since = time.Now()
	}
	s.Phase, s.Trouble, s.RetryAt = p, t, retry
	if p != Live {
		s.Transport, s.Notes = "", nil
	}
	f.mu.Unlock()
	if other {
		f.camera.settle() // the sound may have to come by the other stream now
	}
	if !same {
		f.camera.stateChanged()
	}
}

// backoff is how long to wait after a failure: twice as long each time, and
// never as long as all others.
type backoff struct {
	least, most time.Duration
	now         time.Duration
	none        bool // the next time is at once
}

func (b *backoff) reset() { b.now = 0 }

func (b *backoff) next() time.Duration {
	b.now = min(max(2*b.now, b.least), b.most)
	return b.now - rand.N(b.now/4+1)
}
