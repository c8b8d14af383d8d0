package node

import (
	"testing"
	"time"

	"umbrella/internal/camera"
)

// Nobody watches a picture that no browser shows: the reason is told all the same, and
// once.
func TestWhyThereIsNoPictureIsTold(t *testing.T) {
	blind := &camera.Trouble{Reason: "browsers do not play H.264 with 10 bits a color", Advice: "choose Main"}
	for phase, notes := range map[camera.Phase][]*camera.Trouble{camera.Idle: nil, camera.Live: {{Reason: blind.Reason, Advice: blind.Advice}}} {
		s := cameraStatus(camera.State{Phase: phase, Streams: []camera.StreamState{{Phase: phase, Blind: blind, Notes: notes}}}, time.Now())
		if list := s.Streams[0].Notes; len(list) != 1 || list[0].Reason != blind.Reason || list[0].Advice != blind.Advice {
			t.Errorf("%s: %v", phase, list)
		}
	}
}
