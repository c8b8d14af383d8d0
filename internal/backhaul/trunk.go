package backhaul

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/config"
	"umbrella/internal/rtc"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// trunk is one section of the settings: it dials another node, or is dialled.
type trunk struct {
	cfg   config.Backhaul
	owner *Backhaul
	// guest is one by a token, which is there while a node is; serving counts those
	// that came in. The owner's mu guards both.
	guest   bool
	serving int
	log     *slog.Logger
	ctx     context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	problem error     // why it is not connected
	failed  time.Time // when that was
	retryAt time.Time
	tries   int
}

var (
	errSilent    = errors.New("the other node has not been heard of for 1.5 s: the link is down, or it stopped")
	errMediaLost = errors.New("the media connection was lost")
)

const (
	// Redialling begins after retryFirst and slows down to retryMost: a link that
	// has come back is to be found within a few seconds. A node that has refused
	// will do so again.
	retryFirst   = 300 * time.Millisecond
	retryMost    = 3 * time.Second
	retryRefused = 15 * time.Second
	// steadyAfter a connection counts as one that worked.
	steadyAfter = 10 * time.Second
)

// retryIn is how long to wait after so many failures in a row. Many nodes that
// lost the same one must not come back in step.
func retryIn(tries int, refused bool) time.Duration {
	d := min(retryFirst<<min(tries, 10), retryMost)
	if refused {
		d = retryRefused
	}
	return d/2 + rand.N(d/2)
}

// dials keeps the trunk connected until it is taken away.
func (t *trunk) dials() {
	for t.ctx.Err() == nil {
		began := time.Now()
		err := t.dial()
		if t.ctx.Err() != nil {
			return
		}
		t.mu.Lock()
		if time.Since(began) > steadyAfter {
			t.tries = 0
		}
		wait := retryIn(t.tries, lasts(err))
		first := t.problem == nil || t.problem.Error() != err.Error()
		t.tries++
		t.problem, t.failed, t.retryAt = err, time.Now(), time.Now().Add(wait)
		t.mu.Unlock()
		if first { // once each: it is tried every few seconds
			t.log.Warn("trunk is down", "url", t.cfg.URL, "error", err)
		}
		select {
		case <-time.After(wait):
		case <-t.ctx.Done():
		}
	}
}

func (t *trunk) dial() error {
	b := t.owner
	ws, err := dial(t.ctx, t.cfg)
	if err != nil {
		return err
	}
	defer func() { _ = ws.CloseNow() }()
	media := b.Engine().NewTrunk(true, t.log)
	defer func() { _ = media.Close() }()
	ctx, cancel := context.WithTimeout(t.ctx, handshakeWithin)
	peer, _, err := shake(ctx, ws, hello(b.id, b.Name, media.Parameters()), true, func(right func(string) bool) (string, bool) {
		return t.cfg.Section, right(t.cfg.Secret)
	})
	cancel()
	if err != nil {
		return err
	}
	return t.serve(ws, media, peer, t.cfg.URL)
}

// serve connects the media of a trunk whose ends know each other by now, and
// serves it until it ends.
func (t *trunk) serve(ws *websocket.Conn, media *rtc.Trunk, peer *umbrellav1.TrunkHello, address string) error {
	if err := media.Connect(t.ctx, parameters(peer)); err != nil {
		return err
	}
	l := &link{
		trunk: t.cfg.Section, peer: routing.NodeID(peer.NodeId), name: cut(peer.NodeName), address: address,
		dialled: t.cfg.URL != "", since: time.Now(), log: t.log, ws: ws, media: media,
		queue: make(chan *umbrellav1.TrunkMessage, maxQueued), bell: make(chan struct{}, 1), ending: make(chan struct{}),
		began: time.Now(), nextSSRC: 2, outputs: map[uint32]*output{}, wishes: map[wish]*output{},
	}
	t.mu.Lock()
	t.problem = nil
	t.mu.Unlock()
	t.log.Info("trunk is up", "node", l.name, "address", address, "media", media.Via())
	t.owner.hub.up(l, t.cfg.Rooms)
	defer t.owner.hub.down(l)
	err := l.run(t.ctx, t.owner.hub.pending, t.owner.hub.receive)
	t.log.Info("trunk has ended", "node", l.name, "reason", err)
	return err
}
