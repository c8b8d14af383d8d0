// Package access decides who may do what: which addresses are trusted, who may
// join a room, which page may open a WebSocket; and it keeps the certificates.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"umbrella/internal/config"
)

// Reasons why somebody is not let in.
var (
	ErrNotLocal      = errors.New("rooms can be joined only from the local network")
	ErrPassword      = errors.New("the password of the room is wrong")
	ErrNeedsPassword = errors.New("the room needs a password")
	ErrToken         = errors.New("the room asks for a token, which this version does not have yet")
	ErrRoomName      = errors.New("a room's name has 1 to 64 letters, digits, '-', '_' or '.', and does not begin with '.'")
	ErrOrigin        = errors.New("a page of another site may not do this")
	ErrNotLoopback   = errors.New("this is shown only on the machine itself")
)

// Gate knows the rules. The zero value lets local addresses into every room.
// Safe for concurrent use.
type Gate struct {
	mu      sync.RWMutex
	rooms   map[string]config.Room
	proxies []netip.Prefix
}

// SetRooms replaces the rooms' rules; who is in stays in.
func (g *Gate) SetRooms(rooms []config.Room) {
	byName := make(map[string]config.Room, len(rooms))
	for _, r := range rooms {
		byName[r.Name] = r
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rooms = byName
}

// SetTrustedProxies replaces the networks whose X-Forwarded-For is believed.
func (g *Gate) SetTrustedProxies(proxies []netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.proxies = slices.Clone(proxies)
}

// Admit says whether whoever sent the request may join the room. The error is
// one of this package's.
func (g *Gate) Admit(r *http.Request, room, password string) error {
	if !config.ValidRoomName(room) {
		return ErrRoomName
	}
	if c := g.Client(r); !c.Local() {
		return fmt.Errorf("%w; this came %s", ErrNotLocal, c)
	}
	g.mu.RLock()
	rule := g.rooms[room]
	g.mu.RUnlock()
	switch rule.Access {
	case config.AccessPassword:
		if password == "" {
			return ErrNeedsPassword
		}
		// Hashed first, so that not even the length can be timed.
		got, want := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(rule.Password))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return ErrPassword
		}
	case config.AccessLAN, config.AccessOpen:
	default: // AccessToken, and whatever may come after it
		return ErrToken
	}
	return nil
}

// CheckOrigin refuses what a page of another site asked for. A request that
// names no origin is not from a page that can be told what to do by another
// site: browsers always name it on WebSockets and on requests with a body.
func (g *Gate) CheckOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return ErrOrigin
	}
	if names(u, r.Host) {
		return nil
	}
	if host := r.Header.Get("X-Forwarded-Host"); host != "" && g.fromProxy(r) && names(u, host) {
		return nil
	}
	return ErrOrigin
}

// names tells that an origin is that of host, which may have a port; the port
// that goes with the origin's scheme may be left out of both.
func names(origin *url.URL, host string) bool {
	port, ok := map[string]string{"http": ":80", "https": ":443"}[origin.Scheme]
	trim := func(h string) string { return strings.TrimSuffix(strings.ToLower(h), port) }
	return ok && trim(origin.Host) == trim(host)
}
