package camera

import (
	"context"
	"errors"
	"time"

	"umbrella/internal/crash"
	"umbrella/internal/onvif"
)

// ErrUnknown is why there is no snapshot: no such camera runs.
var ErrUnknown = errors.New("there is no camera of that name")

const (
	// snapshotFresh is how long a snapshot is given to others who ask, and
	// snapshotTime how long the camera may take for one.
	snapshotFresh = 2 * time.Second
	snapshotTime  = 12 * time.Second
)

// snapshot is one picture that a camera was asked for.
type snapshot struct {
	taken   chan struct{} // closed when the rest is known
	at      time.Time
	picture []byte
	err     error
}

// Room is that of a camera which runs.
func (m *Manager) Room(section string) (room string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cameras[section]
	if c == nil {
		return "", false
	}
	return c.cfg.Room, true
}

// Snapshot gives a picture, as JPEG, that a camera makes of what it sees now. It
// is asked once at a time, and not within 2 s of the last one, however many ask
// us. Errors are in words, and have nothing secret in them; ErrUnknown is among
// them, and those of onvif.Still.
func (m *Manager) Snapshot(ctx context.Context, section string) ([]byte, error) {
	s := m.snapshot(section)
	if s == nil {
		return nil, ErrUnknown
	}
	select {
	case <-s.taken:
		return s.picture, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// snapshot is that of a camera; nil: there is no such camera.
func (m *Manager) snapshot(section string) *snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cameras[section]
	if c == nil {
		return nil
	}
	return c.snapshot(time.Now()) // the camera does not end before mu is free
}

// snapshot is the one that is under way or fresh, or else a new one.
func (c *Camera) snapshot(now time.Time) *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.shot; s != nil {
		select {
		case <-s.taken:
			if now.Sub(s.at) < snapshotFresh {
				return s
			}
		default:
			return s
		}
	}
	s := &snapshot{taken: make(chan struct{})}
	c.shot = s
	c.done.Go(func() {
		ctx, cancel := context.WithTimeout(c.life, snapshotTime)
		defer cancel()
		s.picture, s.err = c.take(ctx)
		if errors.Is(s.err, onvif.ErrRefused) {
			c.log.Warn("camera gives no snapshot", "reason", s.err)
		}
		s.at = time.Now()
		close(s.taken)
	})
	return s
}

func (c *Camera) take(ctx context.Context) (_ []byte, err error) {
	defer crash.Contain(crash.Camera, c.cfg.Section, &err)
	return c.still(ctx)
}
