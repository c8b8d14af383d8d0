package camera

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/onvif"
)

func TestSnapshots(t *testing.T) {
	n := startNode(t, settings("rtsp://127.0.0.1:1/x"))
	if room, ok := n.Room("door"); room != "lobby" || !ok {
		t.Errorf("%q, %t", room, ok)
	}
	if _, ok := n.Room("gate"); ok {
		t.Error("a camera that is not there has a room")
	}
	if _, err := n.Snapshot(t.Context(), "gate"); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
	// The real thing does not talk to this machine.
	if _, err := n.Snapshot(t.Context(), "door"); !errors.Is(err, onvif.ErrNotLocal) {
		t.Errorf("%v", err)
	}

	n.mu.Lock()
	c := n.cameras["door"]
	n.mu.Unlock()
	var asked atomic.Int32
	come := make(chan struct{})
	c.mu.Lock()
	c.shot, c.still = nil, func(ctx context.Context) ([]byte, error) {
		asked.Add(1)
		select {
		case <-come:
			return []byte("picture"), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Unlock()
	// Many ask, the camera is asked once.
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if picture, err := n.Snapshot(t.Context(), "door"); err != nil || string(picture) != "picture" {
				t.Errorf("%q, %v", picture, err)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Snapshot(gone, "door"); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone waits: %v", err)
	}
	close(come)
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("the camera was asked %d times", asked.Load())
	}
	if c.snapshot(time.Now()) != c.shot {
		t.Error("a fresh one is not used again")
	}
	<-c.snapshot(time.Now().Add(2 * snapshotFresh)).taken
	if asked.Load() != 2 {
		t.Error("an old one is used again")
	}
	// A camera that is taken out of the settings waits for nothing.
	c.mu.Lock()
	c.shot, c.still = nil, func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }
	c.mu.Unlock()
	waits := make(chan error, 1)
	go func() {
		_, err := n.Snapshot(t.Context(), "door")
		waits <- err
	}()
	until(t, "it is asked", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.shot != nil })
	n.Apply([]config.Camera{})
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
