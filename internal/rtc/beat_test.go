package rtc

import (
	"sync/atomic"
	"testing"
	"time"
)

// What a connection starts at a tick has begun, or never will, once it is off
// the clock.
func TestClockRemoveWaits(t *testing.T) {
	c := &beat{}
	c.start()
	defer c.stop()
	entered, leave := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	p := &ticker{tick: func(time.Time) {
		entered <- struct{}{}
		<-leave
		ended.Store(true)
	}}
	c.add(p)
	<-entered
	time.AfterFunc(10*time.Millisecond, func() { close(leave) })
	c.remove(p)
	if !ended.Load() {
		t.Error("it is called while it is gone")
	}
	c.add(p) // as a connection does that is closed while it comes up
	select {
	case <-entered:
		t.Error("it came back")
	case <-time.After(5 * clockInterval):
	}
}
