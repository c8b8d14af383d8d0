package backhaul

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"umbrella/internal/bound"
)

// door is where trunks come in. Anybody can knock, so whoever has not shown that it
// knows a secret gets little: of places, of the log, and of what is remembered.
type door struct {
	log *slog.Logger

	inside bound.Counter // handshakes

	mu       sync.Mutex
	refusals []RefusedTrunk // the oldest first
}

// caller is who knocks.
type caller struct {
	address string       // for people to read
	origin  netip.Prefix // that stands for one client
}

// RefusedTrunk is one that came in and was turned down.
type RefusedTrunk struct {
	At      time.Time // the last time
	Times   int
	Address string
	Problem string
	origin  netip.Prefix
}

const (
	maxShaking     = 64
	maxShakingEach = 2 // of one origin
	keptRefusals   = 16
)

var errCrowd = errors.New("too many trunks come in at once")

func newDoor(log *slog.Logger) *door {
	return &door{log: log}
}

// Limits are those of trunks that come in.
func (b *Backhaul) Limits() []bound.Limit {
	return []bound.Limit{b.door.inside.Limit("trunk_handshakes", "Handshakes of trunks, two of one address")}
}

// enter takes a place for a handshake, until release is called, once or more. The
// error is errCrowd.
func (d *door) enter(c caller) (release func(), err error) {
	release, ok := d.inside.Add(c.origin, maxShakingEach, maxShaking)
	if !ok {
		return nil, errCrowd
	}
	return release, nil
}

// refused notes who was turned down, and why. Whoever comes again and again stands
// there once.
func (d *door) refused(c caller, why error, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := RefusedTrunk{At: now, Times: 1, Address: c.address, Problem: why.Error(), origin: c.origin}
	i := slices.IndexFunc(d.refusals, func(x RefusedTrunk) bool { return x.origin == r.origin && x.Problem == r.Problem })
	if i >= 0 {
		r.Times += d.refusals[i].Times
		d.refusals = slices.Delete(d.refusals, i, i+1)
	}
	d.refusals = append(d.refusals, r)
	if n := len(d.refusals) - keptRefusals; n > 0 {
		d.refusals = slices.Delete(d.refusals, 0, n)
	}
	if i < 0 {
		d.log.Warn("a trunk that came in was turned down", "address", r.Address, "error", why)
	}
}

// list returns who was turned down lately, the oldest first.
func (d *door) list() []RefusedTrunk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.refusals)
}

// Declined notes a node that dials this one and does not take its certificate.
func (b *Backhaul) Declined(from net.Addr, why error) {
	b.door.refused(b.caller(&http.Request{RemoteAddr: from.String()}), fmt.Errorf(
		"the node there does not take the certificate of this one (%w): set ca or fingerprint there, and url to a name that the certificate is for", why), time.Now())
}

func (b *Backhaul) caller(r *http.Request) caller {
	return caller{address: b.Address(r), origin: b.Origin(r)}
}
