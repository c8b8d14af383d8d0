package backhaul

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/bound"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// snapshots are the pictures of cameras of other nodes. However many ask for one, here
// and at the nodes that are reached through this one, it is fetched once.
type snapshots struct {
	slots chan struct{} // those that are being fetched

	mu   sync.Mutex
	list map[routing.Key]*snapshot
	kept int // bytes of those that have come
}

// snapshot is one picture.
type snapshot struct {
	come    chan struct{} // closed when the rest is known
	picture []byte
	err     error
}

const (
	// maxPicture bounds a picture and maxPart what one message brings of it, in bytes. A
	// part takes 0.13 s of 1 Mbit/s: the messages behind it are not late.
	maxPicture = 4 << 20
	maxPart    = 16 << 10
	// maxFetched pictures are fetched at a time, and maxServed given to one other node.
	// Others wait, maxSnapshots with those that have come.
	maxFetched   = 4
	maxServed    = 4
	maxSnapshots = 64
	// A picture is given to others who ask for snapshotFresh, if those that are kept
	// take no more than maxKept bytes.
	snapshotFresh = 2 * time.Second
	maxKept       = 8 << 20
	// firstPart is how long the camera's node may take for the picture, and nextPart for
	// each part that follows; snapshotTime is for all of it, with the wait before it.
	firstPart    = 20 * time.Second
	nextPart     = 5 * time.Second
	snapshotTime = 30 * time.Second
)

// ErrBusy is why there is no picture now: as many are on their way as may be.
var ErrBusy = errors.New("too many pictures of cameras at other nodes are asked for at once: try again in a moment")

var (
	errNoSnapshot = errors.New("the camera cannot be asked for a picture: a node on the way to it has an older Umbrella, or none is given there")
	errSlowCamera = errors.New("the camera takes too long for its picture")
	errNoWay      = errors.New("the node that has the camera is not reached now")
	errBadPicture = errors.New("the node that has the camera sent something else than a picture")
)

func newSnapshots() snapshots {
	return snapshots{slots: make(chan struct{}, maxFetched), list: map[routing.Key]*snapshot{}}
}

// RemoteSnapshot gets a picture, as JPEG, of a camera of another node. The node is asked
// once at a time, and not within 2 s of the last one, however many ask. Errors are in
// words; ErrBusy is among them.
func (b *Backhaul) RemoteSnapshot(ctx context.Context, p *sfu.Participant) ([]byte, error) {
	h := b.hub
	h.mu.Lock()
	for key, r := range h.remotes {
		if r.participant == p {
			h.mu.Unlock()
			return h.snapshot(ctx, key)
		}
	}
	h.mu.Unlock()
	return nil, errNoWay
}

// snapshot waits for the picture that is on its way or fresh, or for a new one.
func (h *hub) snapshot(ctx context.Context, key routing.Key) ([]byte, error) {
	s, err := h.snapshots.of(key, func(s *snapshot) {
		if !h.owner.start(func() { h.fetchSnapshot(key, s) }) {
			h.snapshots.done(key, s, nil, errNoWay)
		}
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-s.come:
		return s.picture, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// of is the picture of a camera that is there, or a new one, which start fetches.
func (c *snapshots) of(key routing.Key, start func(*snapshot)) (*snapshot, error) {
	c.mu.Lock()
	s := c.list[key]
	if s != nil || len(c.list) >= maxSnapshots {
		c.mu.Unlock()
		if s == nil {
			return nil, ErrBusy
		}
		return s, nil
	}
	s = &snapshot{come: make(chan struct{})}
	c.list[key] = s
	c.mu.Unlock()
	start(s)
	return s, nil
}

// done gives a picture to those who wait for it, and keeps it for a while.
func (c *snapshots) done(key routing.Key, s *snapshot, picture []byte, err error) {
	s.picture, s.err = picture, err
	close(s.come)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept+len(picture) > maxKept {
		delete(c.list, key)
		return
	}
	c.kept += len(picture)
	time.AfterFunc(snapshotFresh, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.kept -= len(picture)
		delete(c.list, key)
	})
}

func (h *hub) fetchSnapshot(key routing.Key, s *snapshot) {
	ctx, cancel := context.WithTimeout(h.owner.ctx, snapshotTime)
	defer cancel()
	select {
	case h.snapshots.slots <- struct{}{}:
		picture, err := h.fetch(ctx, key)
		<-h.snapshots.slots
		h.snapshots.done(key, s, picture, err)
	case <-ctx.Done():
		h.snapshots.done(key, s, nil, ErrBusy)
	}
}

// fetch gets a picture over the link that the camera comes by, part after part.
func (h *hub) fetch(ctx context.Context, key routing.Key) (picture []byte, err error) {
	h.mu.Lock()
	r := h.remotes[key]
	if r == nil || r.link == nil || h.links[r.link.id()] != r.link {
		h.mu.Unlock()
		return nil, errNoWay
	}
	if !r.snapshot {
		h.mu.Unlock()
		return nil, errNoSnapshot
	}
	l := r.link
	l.nextSnapshot++
	number, parts := l.nextSnapshot, make(chan *umbrellav1.TrunkSnapshotPart, 1)
	l.fetched[number] = parts
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(l.fetched, number)
		h.mu.Unlock()
	}()
	wait := time.NewTimer(firstPart)
	defer wait.Stop()
	for {
		l.send(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_SnapshotRequest{SnapshotRequest: &umbrellav1.TrunkSnapshotRequest{
			Number: number, Key: keyMessage(key), Offset: uint32(len(picture)),
		}}})
		var part *umbrellav1.TrunkSnapshotPart
		select {
		case part = <-parts:
		case <-wait.C:
		case <-ctx.Done():
		}
		switch {
		case part == nil: // the link has ended, or it takes too long
			return nil, errNoWay
		case part.Problem != "":
			return nil, fmt.Errorf("%s: %s", l.name, bound.Text(printable(part.Problem), maxNotice))
		case int(part.Offset) != len(picture) || len(part.Data) == 0 || part.Size > maxPicture || len(picture)+len(part.Data) > int(part.Size):
			return nil, errBadPicture
		}
		if picture = append(picture, part.Data...); len(picture) < int(part.Size) {
			wait.Reset(nextPart)
			continue
		}
		if !bytes.HasPrefix(picture, []byte{0xff, 0xd8, 0xff}) {
			return nil, errBadPicture
		}
		return picture, nil
	}
}

// snapshotCame takes a part that was asked for.
func (h *hub) snapshotCame(l *link, part *umbrellav1.TrunkSnapshotPart) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if parts := l.fetched[part.Number]; parts != nil {
		select {
		case parts <- part:
		default: // more than was asked for
		}
	}
}

// snapshotAsked gives the other end of a link a picture of a camera that it was told of.
func (h *hub) snapshotAsked(l *link, q *umbrellav1.TrunkSnapshotRequest) *Refusal {
	key, ok := keyOf(q.GetKey())
	if !ok || q.Number == 0 {
		return errProtocol
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.links[l.id()] != l {
		return nil
	}
	if next := l.served[q.Number]; next != nil {
		select {
		case next <- q.Offset:
		default: // it asks before the part that it asked for has come
		}
		return nil
	}
	take := h.taker(l, key)
	switch {
	case take == nil || q.Offset > 0:
		l.noSnapshot(q.Number, errNoWay)
	case len(l.served) >= maxServed:
		l.noSnapshot(q.Number, ErrBusy)
	default:
		next := make(chan uint32, 1)
		l.served[q.Number] = next
		// The link counts as running itself.
		h.owner.running.Go(func() { h.serveSnapshot(l, q.Number, next, take) })
	}
	return nil
}

// taker is what takes the picture that a link asks for, here or at another node; nil
// if the link was not told of such a camera. The caller holds mu.
func (h *hub) taker(l *link, key routing.Key) func(context.Context) ([]byte, error) {
	if !h.table.Told(l.id(), key) {
		return nil
	}
	if key.Origin == h.owner.id {
		p := h.local(key.Participant)
		if p == nil || p.Kind != sfu.Camera || h.owner.Snapshot == nil {
			return nil
		}
		return func(ctx context.Context) ([]byte, error) { return h.owner.Snapshot(ctx, p.ID) }
	}
	if r := h.remotes[key]; r == nil || r.link == nil || r.link.peer == l.peer {
		return nil
	}
	return func(ctx context.Context) ([]byte, error) { return h.snapshot(ctx, key) }
}

// serveSnapshot takes a picture, and sends it part after part, as the other end asks.
func (h *hub) serveSnapshot(l *link, number uint32, next <-chan uint32, take func(context.Context) ([]byte, error)) {
	defer func() {
		h.mu.Lock()
		delete(l.served, number)
		h.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(h.owner.ctx, snapshotTime)
	defer cancel()
	picture, err := take(ctx)
	if err == nil && (len(picture) == 0 || len(picture) > maxPicture) {
		err = errBadPicture
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errSlowCamera
	}
	if err != nil {
		l.noSnapshot(number, err)
		return
	}
	wait := time.NewTimer(nextPart)
	defer wait.Stop()
	for offset := 0; ; {
		end := min(offset+maxPart, len(picture))
		l.send(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_SnapshotPart{SnapshotPart: &umbrellav1.TrunkSnapshotPart{
			Number: number, Offset: uint32(offset), Data: picture[offset:end], Size: uint32(len(picture)),
		}}})
		if end == len(picture) {
			return
		}
		wait.Reset(nextPart)
		select {
		case asked, up := <-next:
			if offset = end; !up || int(asked) != offset {
				return
			}
		case <-wait.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// noSnapshot tells the other end why there is no picture.
func (l *link) noSnapshot(number uint32, why error) {
	l.send(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_SnapshotPart{SnapshotPart: &umbrellav1.TrunkSnapshotPart{
		Number: number, Problem: noticeOf(why.Error()),
	}}})
}

// endSnapshots lets nobody wait for a link that has ended. The caller holds the hub's mu.
func (l *link) endSnapshots() {
	for number, parts := range l.fetched {
		close(parts)
		delete(l.fetched, number)
	}
	for number, next := range l.served {
		close(next)
		delete(l.served, number)
	}
}
