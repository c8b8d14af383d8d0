package camera

import (
	"strings"
	"testing"

	"umbrella/internal/crash"
	"umbrella/internal/sfu"
)

// A packet on which a camera's part panics, in the RTSP library's goroutine and then
// in the camera's own, ends that camera's connection alone. It is tried again, and
// the camera beside it loses nothing.
func TestPanicEndsOneConnection(t *testing.T) {
	bad := startCamera(t, sceneOf(t, "main.h264", false), nil)
	good := startCamera(t, sceneOf(t, "main.h264", false), nil)
	door, gate := settings(bad.url("stream")), settings(good.url("stream"))
	gate.Section, gate.Name, gate.Room = "gate", "Gate", "yard"
	n := startNode(t, door, gate)
	n.phase(t, Live)
	beside := func() *sfu.Track {
		if r := n.SFU.Room("yard"); r != nil {
			for _, p := range r.Participants() {
				for _, track := range p.State().Tracks {
					if track.Kind == sfu.Video {
						return track
					}
				}
			}
		}
		return nil
	}
	until(t, "a track of the other camera", func() bool { return beside() != nil })
	v, other := watch(t, n.track(t, sfu.Video), 0), watch(t, beside(), 0)
	until(t, "pictures of both", func() bool { return v.count() > 10 && other.count() > 10 })

	n.mu.Lock()
	e := n.cameras["door"].feeds[0].video
	n.mu.Unlock()
	e.mu.Lock()
	line := e.line
	e.line = nil // what stamps packets panics
	e.mu.Unlock()
	before := crash.Count(crash.Camera)
	n.phase(t, Down)
	if why := n.state().Trouble; !strings.Contains(why.Reason, "an internal error") {
		t.Errorf("it is told: %v", why)
	}
	until(t, "it is tried again", func() bool { return crash.Count(crash.Camera)-before >= 3 })
	was := other.count()
	until(t, "the other camera goes on", func() bool { return other.count() > was+20 })

	e.mu.Lock()
	e.line = line
	e.mu.Unlock()
	n.phase(t, Live)
	was = v.count()
	until(t, "pictures again", func() bool { return v.count() > was+10 })
	other.mu.Lock()
	defer other.mu.Unlock()
	for i, h := range other.headers[1:] {
		if h.SequenceNumber != other.headers[i].SequenceNumber+1 {
			t.Fatalf("of the other camera, %d follows %d", h.SequenceNumber, other.headers[i].SequenceNumber)
		}
	}
	if states := n.States(); states[1].Section != "gate" || states[1].Phase != Live {
		t.Errorf("the other camera: %+v", states[1])
	}
}
