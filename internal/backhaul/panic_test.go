package backhaul

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"umbrella/internal/crash"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// A message of a node on which the reading of its trunk panics ends that trunk alone.
// A call over another one goes on, and who misbehaved may come again.
func TestPanicEndsOneTrunk(t *testing.T) {
	n, check := undisturbed(t)
	check()
	r := rogue(t, n)
	n.hub.mu.Lock()
	var l *link
	for _, is := range n.hub.links {
		if string(is.peer) == r.id {
			l = is
		}
	}
	n.hub.mu.Unlock()
	before := crash.Count(crash.Trunk)
	l.answers = -1 // the next answer to a ping is one too few
	eventually(t, "the trunk has ended", func() bool {
		_ = say(r, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Pong{Pong: &umbrellav1.TrunkPong{Number: l.asked.Load()}}})
		n.hub.mu.Lock()
		defer n.hub.mu.Unlock()
		return n.hub.links[l.id()] == nil
	})
	if got := crash.Count(crash.Trunk) - before; got != 1 {
		t.Errorf("%d panics are counted", got)
	}
	check()
	rogue(t, n) // it is let in again
	check()
}

func TestPanicOfAnAttempt(t *testing.T) {
	_, err := overlapping(t.Context(), func(context.Context) (net.Conn, error) { panic("of a resolver") })
	if !errors.Is(err, crash.ErrPanic) {
		t.Error(err)
	}
}

// Dialling goes on after a panic in it.
func TestPanicWhileDialling(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b").accept(secret)
	before := crash.Count(crash.Trunk)
	a.Engine = nil // it is asked for once the other node answers
	a.dialTo(b, "up")
	eventually(t, "two attempts", func() bool { return crash.Count(crash.Trunk) >= before+2 })
	trunks, _ := a.Status(time.Now())
	if trunks[0].Problem != crash.ErrPanic.Error() {
		t.Errorf("the problem is %q", trunks[0].Problem)
	}
}
