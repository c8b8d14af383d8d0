package backhaul

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/config"
	"umbrella/internal/crash"
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
	// overTCP tells the one that dials that media went over TCP the last time.
	overTCP bool

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
	// has come back is to be found within a moment. What answers, but is not the
	// node or has another certificate than it should, needs somebody to look at it,
	// and a node that has refused will do so again.
	retryFirst   = 300 * time.Millisecond
	retryMost    = time.Second
	retryWrong   = 3 * time.Second
	retryRefused = 15 * time.Second
	// steadyAfter a connection counts as one that worked.
	steadyAfter = 10 * time.Second
)

// retryIn is how long to wait after so many failures in a row, the last of which
// was err. Many nodes that lost the same one must not come back in step.
func retryIn(tries int, err error) time.Duration {
	first, most := retryFirst, retryMost
	var refusal *Refusal
	var wrong *wrongAnswer
	switch {
	case errors.As(err, &refusal):
		// One that goes down, or has other settings now, may well be there again.
		if refusal.Reason != umbrellav1.TrunkRefusal_REASON_CLOSED {
			first, most = retryRefused, retryRefused
		}
	case errors.As(err, &wrong):
		most = retryWrong
	}
	d := min(first<<min(tries, 10), most)
	return d/2 + rand.N(d/2)
}

// dials keeps the trunk connected until it is taken away.
func (t *trunk) dials() {
	for t.ctx.Err() == nil {
		worked, err := t.dial()
		if t.ctx.Err() != nil {
			return
		}
		wait, first := t.fell(worked, err)
		if first { // once each: it is tried every few seconds
			t.log.Warn("trunk is down", "url", t.cfg.URL, "error", err)
		}
		select {
		case <-time.After(wait):
		case <-t.ctx.Done():
		}
	}
}

// fell notes why the trunk is down. It returns how long to wait before the next try,
// and whether the reason is another one than before.
func (t *trunk) fell(worked time.Duration, err error) (wait time.Duration, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if worked > steadyAfter {
		t.tries = 0
	}
	wait = retryIn(t.tries, err)
	first = t.problem == nil || t.problem.Error() != err.Error()
	t.tries++
	t.problem, t.failed, t.retryAt = err, time.Now(), time.Now().Add(wait)
	return wait, first
}

// dial connects the trunk once, and serves it. It tells for how long it was
// connected.
func (t *trunk) dial() (worked time.Duration, err error) {
	defer crash.Contain(crash.Trunk, t.cfg.Section, &err)
	b := t.owner
	ws, err := dial(t.ctx, t.cfg)
	if err != nil {
		return 0, err
	}
	defer func() { _ = ws.CloseNow() }()
	media := b.Engine().NewTrunk(true, t.log)
	defer func() { _ = media.Close() }()
	media.UDPBlocked = t.overTCP
	peer, _, err := shake(t.ctx, ws, party{
		dialled: true, fingerprint: b.fingerprint, unknown: "the node that was reached does not know the secret: check url and secret",
		find:      func(right func(string) bool) (string, bool) { return t.cfg.Section, right(sharedSecret(t.cfg.Secret)) },
		introduce: func() *umbrellav1.TrunkIntroduction { return introduction(b.Name, media.Parameters()) },
	})
	if err != nil {
		return 0, err
	}
	worked, err = t.serve(ws, media, peer, t.cfg.URL)
	if worked > 0 {
		t.overTCP = strings.HasPrefix(media.Via(), "tcp")
	}
	return worked, err
}

// serve connects the media of a trunk whose ends know each other by now, and
// serves it until it ends. It tells for how long it was connected.
func (t *trunk) serve(ws *websocket.Conn, media *rtc.Trunk, peer *peer, address string) (worked time.Duration, err error) {
	if err := media.Connect(t.ctx, peer.media); err != nil {
		return 0, err
	}
	l := &link{
		trunk: t.cfg.Section, peer: peer.id, name: peer.name, mutes: peer.mutes, behind: peer.behind, address: address,
		dialled: t.cfg.URL != "", since: time.Now(), log: t.log, ws: ws, media: media,
		queue: make(chan *umbrellav1.TrunkMessage, maxQueued), bell: make(chan struct{}, 1), ending: make(chan struct{}),
		began: time.Now(), nextSSRC: 2, outputs: map[uint32]*output{}, wishes: map[wish]*output{},
		fetched: map[uint32]chan *umbrellav1.TrunkSnapshotPart{}, served: map[uint32]chan uint32{},
	}
	t.mu.Lock()
	t.problem = nil
	t.mu.Unlock()
	t.log.Info("trunk is up", "node", l.name, "address", address, "media", media.Via())
	t.owner.hub.up(l, t.cfg.Rooms)
	defer t.owner.hub.down(l)
	err = l.run(t.ctx, t.owner.hub.pending, t.owner.hub.receive)
	t.log.Info("trunk has ended", "node", l.name, "reason", err)
	return max(time.Since(l.since), 1), err
}
