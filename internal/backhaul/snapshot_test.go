package backhaul

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// jpeg is so many bytes that begin as a JPEG does.
func jpeg(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	copy(b, "\xff\xd8\xff")
	return b
}

// newNodeWith has cameras that give pictures.
func newNodeWith(t *testing.T, name string, take func(ctx context.Context, camera string) ([]byte, error)) *testNode {
	t.Helper()
	n := newNode(t, name)
	n.takes.Store(&take)
	return n
}

// camera joins the room den and sends a picture.
func (n *testNode) camera(t *testing.T, id string) {
	t.Helper()
	n.publish(t, sfu.Entry{Room: "den", ID: id, Name: "The " + id, Kind: sfu.Camera}, 1<<20)
}

func (n *testNode) find(t *testing.T, name string) (p *sfu.Participant) {
	t.Helper()
	eventually(t, name+" is seen", func() bool { p = n.sfu.FindCamera(name); return p != nil })
	return p
}

// A chain of three nodes: the picture of a camera at one end is had at the other by the
// camera's name, whole, taken once for all who ask at once; errors cross as words.
func TestSnapshotAcross(t *testing.T) {
	picture, come := jpeg(5*maxPart+1), make(chan struct{})
	var taken atomic.Int32
	nobody := func(context.Context, string) ([]byte, error) { return nil, errors.New("not here") }
	a, b := newNodeWith(t, "attic", nobody).accept(secret), newNodeWith(t, "barn", nobody).accept(secret)
	c := newNodeWith(t, "cellar", func(_ context.Context, camera string) ([]byte, error) {
		if camera != "door" {
			return nil, errors.New("the camera offers\nno snapshots")
		}
		taken.Add(1)
		<-come
		return picture, nil
	})
	c.camera(t, "door")
	c.camera(t, "gate")
	b.dialTo(a, "up")
	c.dialTo(b, "up")
	door := a.find(t, "door@cellar")
	var all sync.WaitGroup
	for _, n := range []*testNode{a, b, a, b, a, a} {
		p := n.find(t, "The door")
		all.Go(func() {
			got, err := n.RemoteSnapshot(t.Context(), p)
			if err != nil || !bytes.Equal(got, picture) {
				t.Errorf("at %s: %d bytes, %v", n.Name, len(got), err)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.RemoteSnapshot(gone, door); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever has gone waits: %v", err)
	}
	eventually(t, "the camera is asked", func() bool { return taken.Load() > 0 })
	close(come)
	all.Wait()
	if n := taken.Load(); n != 1 {
		t.Errorf("the camera was asked %d times", n)
	}
	if _, err := a.RemoteSnapshot(t.Context(), a.find(t, "gate")); err == nil || err.Error() != "barn: cellar: the camera offers no snapshots" {
		t.Errorf("%v", err)
	}
	for _, n := range []*testNode{a, b, c} {
		eventually(t, "nothing is left", func() bool {
			n.hub.mu.Lock()
			defer n.hub.mu.Unlock()
			for _, l := range n.hub.links {
				if len(l.fetched)+len(l.served) > 0 {
					return false
				}
			}
			return true
		})
	}
	eventually(t, "pictures are forgotten", func() bool {
		a.hub.snapshots.mu.Lock()
		defer a.hub.snapshots.mu.Unlock()
		return len(a.hub.snapshots.list) == 0 && a.hub.snapshots.kept == 0
	})
}

// Whoever waits for a picture when the trunk goes down is told so at once, and the one
// who takes it does not wait for the rest to be asked for.
func TestSnapshotWhenTheTrunkGoes(t *testing.T) {
	taken := make(chan struct{}, 1)
	a := newNode(t, "attic").accept(secret)
	c := newNodeWith(t, "cellar", func(ctx context.Context, _ string) ([]byte, error) {
		taken <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c.camera(t, "door")
	c.dialTo(a, "up")
	door := a.find(t, "door")
	failed := make(chan error, 1)
	go func() {
		_, err := a.RemoteSnapshot(t.Context(), door)
		failed <- err
	}()
	<-taken
	c.Apply(nil)
	if err := <-failed; !errors.Is(err, errNoWay) {
		t.Errorf("%v", err)
	}
	if _, err := a.RemoteSnapshot(t.Context(), door); err == nil {
		t.Error("there is a picture without a trunk")
	}
}

// What a neighbour may do with pictures is bounded: one that does not say that it knows
// the messages is not sent them, what it sends that was not asked for is dropped, a
// picture that is too large or none is refused, and it is given as many at once as may
// be, of the cameras that it was told of only.
func TestSnapshotsOfARogue(t *testing.T) {
	n, check := undisturbed(t)
	block := make(chan struct{})
	var taken atomic.Int32
	take := func(ctx context.Context, _ string) ([]byte, error) {
		taken.Add(1)
		select {
		case <-block:
		case <-ctx.Done():
		}
		return jpeg(3 * maxPart), nil
	}
	n.takes.Store(&take)
	ws := rogue(t, n)
	say1 := func(m *umbrellav1.TrunkMessage) {
		t.Helper()
		if err := say(ws, m); err != nil {
			t.Fatal(err)
		}
	}
	old, spy := announcement(ws.id, "den/old", "den", ws.id), announcement(ws.id, "den/spy", "den", ws.id)
	for _, c := range []*umbrellav1.TrunkAnnouncement{old, spy} {
		c.Participant.Kind = umbrellav1.ParticipantKind_PARTICIPANT_KIND_CAMERA
	}
	old.Participant.Name, spy.Participant.Name, spy.Participant.Snapshot = "old", "spy", true
	say1(update(old, spy))
	if _, err := n.RemoteSnapshot(t.Context(), n.find(t, "old")); !errors.Is(err, errNoSnapshot) {
		t.Errorf("%v", err)
	}
	part := func(p *umbrellav1.TrunkSnapshotPart) *umbrellav1.TrunkMessage {
		return &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_SnapshotPart{SnapshotPart: p}}
	}
	number := uint32(0)
	for what, p := range map[string]*umbrellav1.TrunkSnapshotPart{
		"too large":   {Size: maxPicture + 1, Data: jpeg(10)},
		"no bytes":    {Size: 10},
		"no JPEG":     {Size: 4, Data: []byte("GIF8")},
		"more":        {Size: 4, Data: jpeg(10)},
		"not its end": {Size: 4, Offset: 3, Data: jpeg(1)},
	} {
		failed := make(chan error, 1)
		go func() {
			// Nothing of the one before is kept.
			n.hub.snapshots.mu.Lock()
			clear(n.hub.snapshots.list)
			n.hub.snapshots.mu.Unlock()
			_, err := n.RemoteSnapshot(t.Context(), n.sfu.FindCamera("spy"))
			failed <- err
		}()
		number++
		eventually(t, "it is asked for "+what, func() bool {
			n.hub.mu.Lock()
			defer n.hub.mu.Unlock()
			for _, l := range n.hub.links {
				if l.fetched[number] != nil {
					return true
				}
			}
			return false
		})
		p.Number = number
		say1(part(p))
		if err := <-failed; !errors.Is(err, errBadPicture) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range 1000 {
		say1(part(&umbrellav1.TrunkSnapshotPart{Number: uint32(i), Size: maxPart, Data: jpeg(100)}))
	}
	n.camera(t, "door")
	n.camera(t, "gate")
	ask := func(number, offset uint32, id string) {
		say1(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_SnapshotRequest{SnapshotRequest: &umbrellav1.TrunkSnapshotRequest{
			Number: number, Offset: offset, Key: &umbrellav1.TrunkKey{Origin: n.ID(), ParticipantId: id},
		}}})
	}
	eventually(t, "the neighbour is told of the cameras", func() bool {
		n.hub.mu.Lock()
		defer n.hub.mu.Unlock()
		for id := range n.hub.links {
			if strings.HasSuffix(id, ws.id) {
				return n.hub.table.Told(id, routing.Key{Origin: n.id, Participant: "den/door"}) &&
					n.hub.table.Told(id, routing.Key{Origin: n.id, Participant: "den/gate"})
			}
		}
		return false
	})
	for i := range uint32(100) {
		ask(1000+i, 0, "den/door")
		ask(2000+i, 0, "den/nobody")
		ask(3000+i, 5, "den/gate")
	}
	eventually(t, "pictures are taken", func() bool { return taken.Load() == maxServed })
	check()
	close(block)
	if n := taken.Load(); n != maxServed {
		t.Errorf("%d pictures at once", n)
	}
}
