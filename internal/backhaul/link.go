package backhaul

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/crash"
	"umbrella/internal/rtc"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

const (
	// pingInterval is how often each end shows that it lives, and deadAfter for
	// how long it may not: a link that is cut has to be noticed well before
	// people give up on a frozen picture. While media still comes, only the
	// signalling stands still, and may for as long as stalledAfter.
	pingInterval  = 500 * time.Millisecond
	deadAfter     = 1500 * time.Millisecond
	stalledAfter  = 8 * time.Second
	watchInterval = 100 * time.Millisecond
	// Every how many pings one is answered, which shows how long that takes; the
	// first ones all are.
	pongEvery = 4
	keptTrips = 5
	// maxQueued bounds what waits to be sent besides routes, which wait in the
	// table: chat, pulls, pongs. A peer that does not read is cut off.
	maxQueued = 1024
	// lingerTime is how long the other end has to take in why it is turned down.
	lingerTime = 300 * time.Millisecond
)

// link is a trunk that is connected.
type link struct {
	trunk string // section of the settings
	peer  routing.NodeID
	name  string // of the node at the other end
	mutes bool   // that understands TrunkMute
	// address is where the other end is, for people to read.
	address string
	dialled bool
	since   time.Time
	behind  int64 // ms: see peer
	log     *slog.Logger

	ws    *websocket.Conn
	media *rtc.Trunk

	queue  chan *umbrellav1.TrunkMessage
	bell   chan struct{}           // routes are to be told
	ending chan struct{}           // closed when it is ended here
	reason atomic.Pointer[Refusal] // why it was

	pinged    atomic.Int64 // ns since began: when the last ping left
	pings     atomic.Uint64
	asked     atomic.Uint64 // the one that is to be answered
	roundTrip atomic.Int64  // ns, the shortest of the last ones; 0 before the first
	trips     [keptTrips]int64
	answers   int
	began     time.Time
	waits     atomic.Int64 // ns since began: since when the next message is waited for; 0: one is handled

	// Guarded by the hub's mu.
	nextSSRC uint32
	settles  time.Time          // when it may take over what comes by others; zero: it does
	counted  bool               // it is up, and the hub waits for it
	outputs  map[uint32]*output // by SSRC
	wishes   map[wish]*output   // the same
	chats    perSecond
	// Pictures that were asked for, by number: those of the other end's side, and those
	// that the other end wants.
	fetched      map[uint32]chan *umbrellav1.TrunkSnapshotPart
	nextSnapshot uint32
	served       map[uint32]chan uint32
}

// send queues a message. A peer for which too much waits is cut off.
func (l *link) send(m *umbrellav1.TrunkMessage) {
	select {
	case l.queue <- m:
	default:
		l.end(refuse(umbrellav1.TrunkRefusal_REASON_MISBEHAVED, "the node does not read what it is sent"))
	}
}

// end ends the link, and tells the other end why.
func (l *link) end(r *Refusal) {
	if l.reason.CompareAndSwap(nil, r) {
		close(l.ending)
	}
}

// ring says that there are routes to tell.
func (l *link) ring() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

// run serves the link until it ends, and says why it did. pending is asked for
// routes to tell, receive is given what comes.
func (l *link) run(ctx context.Context, pending func(*link, *umbrellav1.TrunkChat) *umbrellav1.TrunkUpdate, receive func(*link, *umbrellav1.TrunkMessage) *Refusal) error {
	stop := context.AfterFunc(ctx, func() { l.end(refuse(umbrellav1.TrunkRefusal_REASON_CLOSED, "the node goes down")) })
	defer stop()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var running sync.WaitGroup
	failed := make(chan error, 3)
	running.Go(func() { failed <- l.reads(ctx, receive) })
	running.Go(func() { failed <- l.writes(ctx, pending) })
	running.Go(func() { failed <- l.watches(ctx) })
	var err error
	select {
	case err = <-failed:
	case <-l.ending:
		// The socket closes when what it reads or writes with is cancelled: first
		// the other end is told why, and hears it out.
		err = l.reason.Load()
		telling, told := context.WithTimeout(ctx, time.Second)
		_, _ = write(telling, l.ws, refusalMessage(l.reason.Load()))
		told()
		select {
		case <-failed:
		case <-time.After(lingerTime):
		}
	}
	cancel()
	_ = l.ws.CloseNow()
	running.Wait()
	return err
}

func (l *link) reads(ctx context.Context, receive func(*link, *umbrellav1.TrunkMessage) *Refusal) (err error) {
	defer crash.Contain(crash.Trunk, l.id(), &err)
	for {
		l.waits.Store(int64(time.Since(l.began)))
		m, _, err := read(ctx, l.ws, afterProof)
		l.waits.Store(0)
		if errors.Is(err, errProtocol) {
			l.end(errProtocol)
			continue
		}
		if err != nil {
			return err
		}
		if l.reason.Load() != nil {
			continue // it has been ended, and only waits for the other end to hear of it
		}
		switch m := m.Message.(type) {
		case *umbrellav1.TrunkMessage_Ping:
			if m.Ping.GetNumber() == 0 {
				continue
			}
			l.send(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Pong{Pong: &umbrellav1.TrunkPong{Number: m.Ping.GetNumber()}}})
			continue
		case *umbrellav1.TrunkMessage_Pong:
			l.pong(m.Pong.GetNumber())
			continue
		case *umbrellav1.TrunkMessage_Refusal:
			return &Refusal{Reason: m.Refusal.GetReason(), Message: cut200(m.Refusal.GetMessage())}
		}
		if r := receive(l, m); r != nil {
			l.end(r)
		}
	}
}

// watches returns when the other end is not there any more.
func (l *link) watches(ctx context.Context) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.media.Ended():
			// An end that goes says why, a moment later.
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
			return errMediaLost
		case now := <-tick.C:
			stood := now.Sub(last)
			last = now
			waits := l.waits.Load()
			if waits == 0 {
				continue
			}
			silent := now.Sub(l.began) - time.Duration(waits)
			if stood < deadAfter/2 && silent >= deadAfter && (silent >= stalledAfter || now.Sub(l.media.Heard()) >= deadAfter) {
				return errSilent
			}
		}
	}
}

// pong measures the round trip by the answer to the last ping. The shortest of a
// few is what the way takes; more is a processor or a queue that was busy then,
// for which no picture is to change its way. Only the reader calls it.
func (l *link) pong(number uint64) {
	if number != l.asked.Load() {
		return
	}
	l.trips[l.answers%keptTrips] = max(int64(time.Since(l.began))-l.pinged.Load(), 1)
	l.answers++
	l.roundTrip.Store(slices.Min(l.trips[:min(l.answers, keptTrips)]))
}

func (l *link) writes(ctx context.Context, pending func(*link, *umbrellav1.TrunkChat) *umbrellav1.TrunkUpdate) error {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	tell := func(before *umbrellav1.TrunkChat) error {
		for u := pending(l, before); u != nil; u = pending(l, before) {
			if err := l.write(ctx, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Update{Update: u}}); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		var m *umbrellav1.TrunkMessage
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m = <-l.queue:
			if c := m.GetChat(); c != nil {
				if err := tell(c); err != nil {
					return err
				}
			}
		case <-l.bell:
			if err := tell(nil); err != nil {
				return err
			}
			continue
		case <-tick.C:
			n := l.pings.Add(1)
			if n < pongEvery || n%pongEvery == 1 {
				l.pinged.Store(int64(time.Since(l.began)))
				l.asked.Store(n)
			} else {
				n = 0
			}
			m = &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Ping{Ping: &umbrellav1.TrunkPing{Number: n}}}
		}
		if err := l.write(ctx, m); err != nil {
			return err
		}
	}
}

func (l *link) write(ctx context.Context, m *umbrellav1.TrunkMessage) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stalledAfter)
	defer cancel()
	return l.ws.Write(ctx, websocket.MessageBinary, b)
}
