package forward

import (
	"sync/atomic"
	"testing"
	"time"
)

// OBS sends a keyframe every 250 pictures and none when it is asked: whoever comes 3 s
// after one has a picture at once.
func TestPublisherThatSendsNoKeyframes(t *testing.T) {
	c := newCamera(t, 250, 2, DefaultKeepGroup)
	c.layer.cfg.KeepUnlessAnswered = true
	var asked atomic.Int32
	c.layer.cfg.RequestKeyframe = func() { asked.Add(1) }
	for range 75 {
		c.picture()
	}
	for range 3 {
		out, s := c.viewer()
		c.picture()
		waitFor(t, s.caught)
		c.check(out, 0)
		s.Unbind()
		for range 40 { // the request is not answered
			c.picture()
		}
	}
	if asked.Load() == 0 {
		t.Error("it was never asked, so nobody knows")
	}
}

// Of a publisher that answers, no more than a second is kept, and a receiver that lost
// the picture gets a new keyframe.
func TestPublisherThatAnswers(t *testing.T) {
	c := newCamera(t, 1<<20, 2, DefaultKeepGroup)
	c.layer.cfg.KeepUnlessAnswered = true
	var asked atomic.Int32
	c.layer.cfg.RequestKeyframe = func() { asked.Add(1) }
	picture := func() {
		if asked.Swap(0) > 0 {
			c.n = (c.n/c.every + 1) * c.every // a keyframe
		}
		c.picture()
	}
	c.now = time.Now().Add(-20 * time.Second)
	for range 2 {
		for range 50 {
			picture()
		}
		c.now = time.Now()
		if !c.layer.recent(c.now.Add(10 * time.Second)) {
			t.Fatal("the group is not kept before it is known whether it answers")
		}
		c.layer.RequestKeyframe()
		waitFor(t, func() bool { return asked.Load() > 0 })
		picture()
		time.Sleep(keyframeInterval) // the least between two requests
	}
	if c.layer.recent(c.now.Add(10 * time.Second)) {
		t.Error("the group of one that answers is kept")
	}
	// It does not answer any more.
	c.layer.RequestKeyframe()
	c.now = time.Now().Add(2 * answerTime)
	asked.Store(0)
	c.n = (c.n/c.every + 1) * c.every
	c.picture()
	c.picture()
	if !c.layer.recent(c.now.Add(10 * time.Second)) {
		t.Error("the group of one that answers no more is not kept")
	}
}
