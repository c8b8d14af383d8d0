package forward

import (
	"testing"
	"time"
)

// Those that catch up with a layer read what is kept while they hold pushing and
// nothing else: it is not taken away from them when the layer is closed.
func TestLayerThatIsClosedTakesNothingFromThoseWhoRead(t *testing.T) {
	c := newCamera(t, 1000, 20, 8<<20)
	c.picture()
	l := c.layer
	l.mu.Lock() // Close comes no further than to where it takes the history
	closed := make(chan struct{})
	go func() {
		l.Close()
		close(closed)
	}()
	for l.groupAt.Load() != 0 {
		time.Sleep(time.Millisecond)
	}
	for range 100 {
		if l.pushing.TryLock() {
			if l.history.ring != nil {
				t.Error("what is kept can be read, and is about to be taken away")
			}
			l.pushing.Unlock()
			break
		}
		time.Sleep(100 * time.Microsecond)
	}
	l.mu.Unlock()
	<-closed
	if l.history.ring != nil {
		t.Error("it is kept for ever")
	}
}

// Whoever is asked for a keyframe may take its time: it holds nothing of the
// layer's.
func TestKeyframesAreAskedForWithoutALock(t *testing.T) {
	var l *Layer
	asked := make(chan uint64, 10)
	l = NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000, RequestKeyframe: func() {
		if l.mu.TryLock() {
			asked <- l.stats.KeyframeRequests
			l.mu.Unlock()
		} else {
			asked <- 0
		}
	}})
	for want := uint64(1); want <= 2; want++ { // at once, and by a timer
		l.RequestKeyframe()
		select {
		case got := <-asked:
			if got != want {
				t.Errorf("request %d is asked for with %d counted", want, got)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("no request within 5 s")
		}
	}
}
