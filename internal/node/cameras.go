package node

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"umbrella/internal/backhaul"
	"umbrella/internal/camera"
	"umbrella/internal/clock"
	"umbrella/internal/httpd"
	"umbrella/internal/memory"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

var cameraPhases = map[camera.Phase]umbrellav1.CameraPhase{
	camera.Connecting: umbrellav1.CameraPhase_CAMERA_PHASE_CONNECTING,
	camera.Idle:       umbrellav1.CameraPhase_CAMERA_PHASE_IDLE,
	camera.Live:       umbrellav1.CameraPhase_CAMERA_PHASE_LIVE,
	camera.Down:       umbrellav1.CameraPhase_CAMERA_PHASE_DOWN,
}

func cameraStatus(s camera.State, now time.Time) *umbrellav1.CameraStatus {
	st := &umbrellav1.CameraStatus{
		Id: s.Section, Name: s.Name, Room: s.Room, Phase: cameraPhases[s.Phase], SinceMs: clock.Shown(s.Since, now),
		Trouble: cameraTrouble(s.Trouble), RetryAtMs: clock.Shown(s.RetryAt, now),
	}
	for _, c := range s.Streams {
		stream := &umbrellav1.CameraStream{
			Option: c.Option, Url: c.URL, Phase: cameraPhases[c.Phase], SinceMs: clock.Shown(c.Since, now),
			Trouble: cameraTrouble(c.Trouble), RetryAtMs: clock.Shown(c.RetryAt, now),
			Transport: c.Transport, Video: c.Video, Sound: c.Sound,
		}
		if t := c.Blind; t != nil && !slices.ContainsFunc(c.Notes, func(n *camera.Trouble) bool { return *n == *t }) {
			// Also while nobody watches.
			stream.Notes = append(stream.Notes, cameraTrouble(t))
		}
		for _, n := range c.Notes {
			stream.Notes = append(stream.Notes, cameraTrouble(n))
		}
		st.Streams = append(st.Streams, stream)
	}
	return st
}

func cameraTrouble(t *camera.Trouble) *umbrellav1.CameraTrouble {
	if t == nil {
		return nil
	}
	return &umbrellav1.CameraTrouble{Reason: t.Reason, Advice: t.Advice}
}

// findCamera looks for a camera by its name, here and at other nodes; nil: there is none.
func (n *Node) findCamera(name string) *httpd.Camera {
	if room, ok := n.cameras.Room(name); ok {
		return &httpd.Camera{Room: room, Take: func(ctx context.Context) ([]byte, error) { return n.snapshot(ctx, name) }}
	}
	p := n.sfu.FindCamera(name)
	if p == nil {
		return nil
	}
	return &httpd.Camera{Room: p.Room().Name, Take: func(ctx context.Context) ([]byte, error) {
		if p.Origin == "" {
			return n.snapshot(ctx, p.ID)
		}
		if err := n.Memory.Admit(); err != nil {
			return nil, err
		}
		return n.trunks.RemoteSnapshot(ctx, p)
	}}
}

// snapshot takes a picture of a camera of this node while there is memory for one.
func (n *Node) snapshot(ctx context.Context, camera string) ([]byte, error) {
	if err := n.Memory.Admit(); err != nil {
		return nil, err
	}
	return n.cameras.Snapshot(ctx, camera)
}

// snapshotStatus is snapshot's error as an HTTP status.
func snapshotStatus(err error) int {
	if errors.Is(err, memory.ErrShort) || errors.Is(err, backhaul.ErrBusy) {
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}
