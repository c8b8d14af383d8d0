// Package backhaul joins nodes by trunks: each tells the others who is in its
// rooms, and what anybody watches crosses each link once, whatever the shape of
// the network.
package backhaul

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/config"
	"umbrella/internal/forward"
	"umbrella/internal/memory"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Backhaul is all trunks of a node. Set the fields, Start, Apply, and Close.
type Backhaul struct {
	// Name is what people call this node; the machine's name when it is empty.
	Name string
	SFU  *sfu.SFU
	// Engine makes new connections; those that are there keep theirs. All that follow
	// each other have one Identity.
	Engine func() *rtc.Engine
	// Invited tells of a token that a node brings without its signature: a name, the
	// same for the same token, the whole token, and the rooms that it may join, none
	// being all. Nil: no token holds.
	Invited func(unsigned string) (name, token string, rooms []string, err error)
	// Address is where a request came from, for people to read, and Origin what
	// stands for who sent it, where each may take so much.
	Address func(*http.Request) string
	Origin  func(*http.Request) netip.Prefix
	// Snapshot takes a picture, as JPEG, of a camera of this node. Its errors are in words,
	// and have nothing secret in them. Nil: other nodes get none.
	Snapshot func(ctx context.Context, camera string) ([]byte, error)
	// Memory says whether there is room for people of other nodes; nil: always.
	Memory *memory.Admission
	// Totals of the node; nil counts for nobody.
	Totals *forward.Totals
	Log    *slog.Logger

	id          routing.NodeID
	fingerprint []byte
	hub         *hub
	door        *door

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	trunks map[string]*trunk // by section
}

// maxNodes is how many nodes one trunk takes that is dialled: whoever knows the
// secret can be many.
const maxNodes = 64

// Start makes it ready. There are no trunks before Apply.
func (b *Backhaul) Start() error {
	if b.Name == "" {
		b.Name, _ = os.Hostname()
	}
	if b.Name = cut(b.Name); b.Name == "" {
		b.Name = "umbrella"
	}
	b.fingerprint = b.Engine().Identity.Fingerprint()
	b.id = nodeID(b.fingerprint)
	b.SFU.SetNode(b.Name, b.ID())
	b.door = newDoor(b.Log)
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.trunks = map[string]*trunk{}
	b.hub = newHub(b)
	b.SFU.SetWatcher(b.hub)
	b.running.Go(func() { b.hub.run(b.ctx) })
	return nil
}

// ID names the node among others until it is started anew.
func (b *Backhaul) ID() string { return string(b.id) }

// Apply makes the trunks those of a list. One that did not change stays up.
func (b *Backhaul) Apply(list []config.Backhaul) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	keep := map[string]bool{}
	for _, cfg := range list {
		if !cfg.Enabled {
			continue
		}
		keep[cfg.Section] = true
		if t := b.trunks[cfg.Section]; t != nil {
			if reflect.DeepEqual(t.cfg, cfg) {
				continue
			}
			b.remove(t)
		}
		b.add(cfg)
	}
	for section, t := range b.trunks {
		if !keep[section] && !t.guest {
			b.remove(t)
		}
	}
}

// add makes a trunk. The caller holds mu.
func (b *Backhaul) add(cfg config.Backhaul) {
	t := &trunk{cfg: cfg, owner: b, log: b.Log.With("trunk", cfg.Section)}
	t.ctx, t.stop = context.WithCancel(b.ctx)
	b.trunks[cfg.Section] = t
	if cfg.URL != "" {
		b.running.Go(t.dials)
	}
}

// remove ends a trunk. The caller holds mu.
func (b *Backhaul) remove(t *trunk) {
	delete(b.trunks, t.cfg.Section)
	b.hub.endTrunk(t.cfg.Section, refuse(umbrellav1.TrunkRefusal_REASON_CLOSED, "the trunk was taken out of the settings, or they were changed"))
	t.stop()
}

// start runs a function that Close waits for. It returns false after Close.
func (b *Backhaul) start(f func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.running.Go(f)
	return true
}

// Close ends all trunks.
func (b *Backhaul) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	done := make(chan struct{})
	go func() {
		b.hub.close()
		b.stop()
		b.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		b.stop()
		return fmt.Errorf("closing trunks: %w", ctx.Err())
	}
}

// ServeHTTP takes the WebSocket of a trunk that another node dials.
func (b *Backhaul) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who := b.caller(r)
	turnAway := func(code int, err error) {
		b.door.refused(who, err, time.Now())
		http.Error(w, err.Error(), code)
	}
	shaken, err := b.door.enter(who)
	if err != nil {
		w.Header().Set("Retry-After", "1")
		turnAway(http.StatusServiceUnavailable, err)
		return
	}
	defer shaken()
	guest, err := b.guest(r)
	if err != nil {
		turnAway(http.StatusUnauthorized, err)
		return
	}
	if !b.begin(guest != nil) {
		turnAway(http.StatusForbidden, errNoTrunks)
		return
	}
	defer b.running.Done()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{Subprotocol}, CompressionMode: websocket.CompressionDisabled,
		// No page may open one: browsers send an Origin, nodes do not.
	})
	if err != nil {
		return // it has answered
	}
	defer func() { _ = ws.CloseNow() }()
	if err := b.accept(ws, who.address, guest, shaken); err != nil && b.ctx.Err() == nil {
		b.door.refused(who, err, time.Now())
	}
}

// begin counts a connection as running, if there is a trunk that it may be of.
func (b *Backhaul) begin(guest bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || !guest && !b.accepts() {
		return false
	}
	b.running.Add(1)
	return true
}

var errNoTrunks = errors.New("this node accepts no trunks: add a trunk with a secret and no url")

// accepts tells whether there is a trunk that is dialled by whoever knows its
// secret. The caller holds mu.
func (b *Backhaul) accepts() bool {
	for _, t := range b.trunks {
		if t.cfg.URL == "" && !t.guest {
			return true
		}
	}
	return false
}

// accept serves a trunk that came in. The error is why it did not come to be
// connected.
func (b *Backhaul) accept(ws *websocket.Conn, address string, guest *config.Backhaul, shaken func()) error {
	var media *rtc.Trunk
	own := party{
		fingerprint: b.fingerprint, find: b.findAccepting, unknown: wrongSecret,
		introduce: func() *umbrellav1.TrunkIntroduction {
			media = b.Engine().NewTrunk(false, b.Log)
			return introduction(b.Name, media.Parameters())
		},
	}
	if guest != nil {
		// The signature is what both ends know: proving it proves this node to the
		// other.
		own.find = func(right func(secret string) bool) (string, bool) {
			return guest.Section, right(sharedSecret(guest.Secret))
		}
		own.unknown = "the token was made by another node, or was changed: make one here"
	}
	peer, section, err := shake(b.ctx, ws, own)
	if media != nil {
		defer func() { _ = media.Close() }()
	}
	if err != nil {
		return err
	}
	shaken()
	t := b.serving(section, guest)
	if t == nil {
		return errors.New("the trunk was just taken out of the settings")
	}
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if t.serving--; t.guest && t.serving == 0 && b.trunks[section] == t {
			b.remove(t)
		}
	}()
	if !b.hub.takes(section, peer.id) {
		return turnDown(b.ctx, ws, refuse(umbrellav1.TrunkRefusal_REASON_FULL,
			"%d nodes are connected with that secret already: give some of them another one", maxNodes))
	}
	if worked, err := t.serve(ws, media, peer, address); worked == 0 {
		return err
	}
	return nil
}

// serving finds the trunk of a section, which serves one more connection from now
// on; of a guest it is made where it is not there. Nil: there is none.
func (b *Backhaul) serving(section string, guest *config.Backhaul) *trunk {
	b.mu.Lock()
	defer b.mu.Unlock()
	if guest != nil && b.trunks[section] == nil && !b.closed {
		b.add(*guest)
		b.trunks[section].guest = true
	}
	t := b.trunks[section]
	if t != nil {
		t.serving++
	}
	return t
}

// findAccepting looks for the trunk whose secret is right. Trunks of invited nodes
// are not among them: whoever has a token shows it, and whether it still holds is
// looked at each time.
func (b *Backhaul) findAccepting(right func(secret string) bool) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found, ok := "", false
	for section, t := range b.trunks { // all of them: how long it takes tells nothing
		if t.cfg.URL == "" && !t.guest && right(sharedSecret(t.cfg.Secret)) && !ok {
			found, ok = section, true
		}
	}
	return found, ok
}
