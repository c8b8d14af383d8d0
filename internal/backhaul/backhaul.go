// Package backhaul joins nodes by trunks: each tells the others who is in its
// rooms, and what anybody watches crosses each link once, whatever the shape of
// the network.
package backhaul

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
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
	// Engine makes new connections; those that are there keep theirs.
	Engine func() *rtc.Engine
	// Invited tells of a token that a node brings: a name, the same for the same
	// token, and the rooms that it may join, none being all. Nil: no token holds.
	Invited func(token string) (name string, rooms []string, err error)
	// Memory says whether there is room for people of other nodes; nil: always.
	Memory *memory.Admission
	// Totals of the node; nil counts for nobody.
	Totals *forward.Totals
	Log    *slog.Logger

	id  routing.NodeID
	hub *hub

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	trunks   map[string]*trunk // by section
	shaking  int               // handshakes of trunks that come in
	refusals []RefusedTrunk    // the last ones
}

// RefusedTrunk is one that came in and was turned down.
type RefusedTrunk struct {
	At      time.Time
	Address string
	Problem string
}

const (
	maxShaking = 16
	// maxNodes is how many nodes one trunk takes that is dialled: whoever knows
	// the secret can be many.
	maxNodes        = 64
	keptRefusals    = 8
	handshakeWithin = 8 * time.Second
)

// Start makes it ready. There are no trunks before Apply.
func (b *Backhaul) Start() error {
	if b.Name == "" {
		b.Name, _ = os.Hostname()
	}
	if b.Name = cut(b.Name); b.Name == "" {
		b.Name = "umbrella"
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	var err error
	if b.id, err = routing.ParseNodeID(hex.EncodeToString(id[:])); err != nil {
		return fmt.Errorf("backhaul: %w", err)
	}
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
	guest, err := b.guest(r)
	if err != nil {
		b.noteRefusal(r.RemoteAddr, err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	b.mu.Lock()
	accepts := guest != nil
	for _, t := range b.trunks {
		accepts = accepts || t.cfg.URL == ""
	}
	switch {
	case b.closed || !accepts:
		b.mu.Unlock()
		http.Error(w, "this node accepts no trunks: add a backhaul with a secret and no url", http.StatusForbidden)
		return
	case b.shaking >= maxShaking:
		b.mu.Unlock()
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many trunks come in at once", http.StatusServiceUnavailable)
		return
	}
	b.shaking++
	b.running.Add(1)
	b.mu.Unlock()
	defer b.running.Done()
	shaken := sync.OnceFunc(func() {
		b.mu.Lock()
		b.shaking--
		b.mu.Unlock()
	})
	defer shaken()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{Subprotocol}, CompressionMode: websocket.CompressionDisabled,
		// No page may open one: browsers send an Origin, nodes do not.
	})
	if err != nil {
		return // it has answered
	}
	defer func() { _ = ws.CloseNow() }()
	if err := b.accept(ws, r.RemoteAddr, guest, shaken); err != nil && b.ctx.Err() == nil {
		b.Log.Warn("a trunk that came in has ended", "address", r.RemoteAddr, "error", err)
	}
}

// guest is the trunk of a node that brings a token; nil for one that brings none.
func (b *Backhaul) guest(r *http.Request) (*config.Backhaul, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || !isToken(token) || b.Invited == nil {
		return nil, nil
	}
	name, rooms, err := b.Invited(token)
	if err != nil {
		return nil, err
	}
	return &config.Backhaul{Section: name, Enabled: true, Secret: token, Rooms: rooms}, nil
}

// isToken tells a token from another secret: it has three parts, and begins as a
// JSON object does in base64.
func isToken(secret string) bool {
	return strings.HasPrefix(secret, "ey") && strings.Count(secret, ".") == 2
}

// accept serves a trunk that came in.
func (b *Backhaul) accept(ws *websocket.Conn, address string, guest *config.Backhaul, shaken func()) error {
	media := b.Engine().NewTrunk(false, b.Log)
	defer func() { _ = media.Close() }()
	ctx, cancel := context.WithTimeout(b.ctx, handshakeWithin)
	find := b.findAccepting
	if guest != nil {
		// The token is what both ends know: proving it proves this node to the other.
		find = func(right func(secret string) bool) (string, bool) { return guest.Section, right(guest.Secret) }
	}
	peer, section, err := shake(ctx, ws, hello(b.id, b.Name, media.Parameters()), false, find)
	cancel()
	if err != nil {
		if b.ctx.Err() == nil {
			b.noteRefusal(address, err)
		}
		return err
	}
	shaken()
	b.mu.Lock()
	if guest != nil && b.trunks[section] == nil && !b.closed {
		b.add(*guest)
		b.trunks[section].guest = true
	}
	t := b.trunks[section]
	if t != nil {
		t.serving++
	}
	b.mu.Unlock()
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
	if !b.hub.takes(section, routing.NodeID(peer.NodeId)) {
		r := refuse(umbrellav1.TrunkRefusal_REASON_FULL, "%d nodes are connected with that secret already: give some of them another one", maxNodes)
		b.noteRefusal(address, r)
		return turnDown(b.ctx, ws, r)
	}
	return t.serve(ws, media, peer, address)
}

// findAccepting looks for the trunk whose secret is right.
func (b *Backhaul) findAccepting(right func(secret string) bool) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found, ok := "", false
	for section, t := range b.trunks { // all of them: how long it takes tells nothing
		if t.cfg.URL == "" && !ok && right(t.cfg.Secret) {
			found, ok = section, true
		}
	}
	return found, ok
}

func (b *Backhaul) noteRefusal(address string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refusals = append(b.refusals, RefusedTrunk{At: time.Now(), Address: address, Problem: err.Error()})
	if n := len(b.refusals) - keptRefusals; n > 0 {
		b.refusals = slices.Delete(b.refusals, 0, n)
	}
}
