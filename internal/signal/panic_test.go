package signal_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"umbrella/internal/crash"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// A panic in one browser's session ends that session alone: it leaves the room, its
// socket is closed, and a call beside it loses nothing.
func TestPanicEndsOneSession(t *testing.T) {
	n := startNode(t)
	var armed atomic.Bool
	// A session calls it when it greets its browser.
	n.server.IceServers = func(*http.Request) []*umbrellav1.IceServer {
		if armed.Swap(false) {
			panic("of one session")
		}
		return nil
	}
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob"})
	playing(t, a, b)
	gets(t, b, a)
	gets(t, a, b)
	room := n.SFU.Room("room")
	before := crash.Count(crash.Signal)

	armed.Store(true)
	ws := n.raw(t)
	say(t, ws, joining("", "video/VP8"))
	if m, err := hear(t, ws, isJoined); err == nil {
		t.Errorf("Eve is told %v", m)
	}
	for end := time.Now().Add(20 * time.Second); len(room.Participants()) > 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("Eve is still there")
		}
	}
	if got := crash.Count(crash.Signal) - before; got != 1 {
		t.Errorf("%d panics are counted", got)
	}
	gets(t, b, a)
	gets(t, a, b)
	for p, c := range n.server.Connections() {
		for _, l := range c.Publish.Layers() {
			if lost := l.Stats(time.Now()).Lost(); lost > 0 {
				t.Errorf("%d packets of %s were lost", lost, p.Name)
			}
		}
		for _, o := range c.Subscribe.Outputs(time.Now()) {
			if o.Loss > 0 || o.Nacks > 0 {
				t.Errorf("%s lost packets of %s: %+v", p.Name, o.Track.ID, o)
			}
		}
	}
	for _, p := range []*peer.Peer{a, b} {
		if err := p.Wait(soon(t), func() bool {
			for mid, in := range p.Received() {
				if gaps := in.Gaps.Load(); gaps > 0 {
					t.Errorf("%s missed %d packets on m-line %s", p.Name, gaps, mid)
				}
			}
			return true
		}); err != nil {
			t.Error(err)
		}
	}
	// Nothing stays locked: whoever comes now is let in, and leaves.
	v := n.join(t, &peer.Peer{Name: "Viewer", ViewOnly: true})
	gets(t, v, a)
	v.Close()
}
