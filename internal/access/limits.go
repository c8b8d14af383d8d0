package access

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"umbrella/internal/bound"
)

// What one client, as bound.Origin has it, may take of the node: enough for a school
// behind one address, and little enough for the others to notice nothing.
const (
	maxConns       = 512 // TCP connections to the web server at once
	maxSockets     = 256 // WebSockets at once
	joinsPerSecond = 20
	joinBurst      = 300
	// Requests to the web server, of any kind: a page of the client is about fifteen.
	requestsPerSecond = 100
	requestBurst      = 1000
	// requestPause is how long the answer to one that is too many waits, so that a
	// client that asks again at once costs the node next to nothing.
	requestPause = time.Second
	// Offers, ICE restarts, and descriptions that cannot be applied, which cost
	// milliseconds each.
	offersPerSecond = 50
	offerBurst      = 600
)

// ErrTooManySockets is why another WebSocket is not taken.
var ErrTooManySockets = errors.New("too many WebSockets are open from this address")

// Origin is what stands for the client that sent a request, where each may take so
// much: its IPv4 address, or the /64 that an IPv6 client has to itself. Those whom
// nobody can tell apart have one together.
func (g *Gate) Origin(r *http.Request) netip.Prefix { return bound.Origin(g.Client(r).Addr) }

// OpenSocket counts a WebSocket of whoever sent the request, until release is
// called. The error is ErrTooManySockets.
func (g *Gate) OpenSocket(r *http.Request) (release func(), err error) {
	release, ok := g.open.Add(g.Origin(r), maxSockets, 0)
	if !ok {
		return nil, ErrTooManySockets
	}
	return release, nil
}

// Request counts a request to the web server. The error is a *TryLaterError, for
// which the client has waited a second where the connection is its own: the
// connections of a proxy are needed for others.
func (g *Gate) Request(r *http.Request) error {
	if g.requests.Allow(g.Origin(r), requestsPerSecond, requestBurst, time.Now()) {
		return nil
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && !g.Shared(peer.Addr()) {
		select {
		case <-r.Context().Done():
		case <-time.After(requestPause):
		}
	}
	return &TryLaterError{"too many requests from this address", time.Second}
}

// Offer counts what a client, as Grant.Client has it, wants negotiated. The error is a
// *TryLaterError.
func (g *Gate) Offer(client netip.Prefix) error {
	if !g.offers.Allow(client, offersPerSecond, offerBurst, time.Now()) {
		return &TryLaterError{"too many offers from this address", time.Second}
	}
	return nil
}

// Connect counts a TCP connection to the web server, until release is called; false
// for one that is too many. Those of a trusted proxy are many people's.
func (g *Gate) Connect(from net.Addr) (release func(), ok bool) {
	addr := bound.Peer(from)
	most := bound.Descriptors() / 2
	mostOfOne := min(maxConns, most/4)
	if g.Shared(addr) {
		mostOfOne = 0
	}
	return g.conns.Add(bound.Origin(addr), mostOfOne, most)
}

// Shared tells of an address that stands for many people: a trusted proxy's.
func (g *Gate) Shared(addr netip.Addr) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.trusts(plain(addr))
}

// Limits are those that the gate keeps of the whole node.
func (g *Gate) Limits() []bound.Limit {
	return []bound.Limit{
		g.open.Limit("websockets", "WebSockets, 256 of one address"),
		g.conns.Limit("web_connections", "TCP connections to the web server"),
		g.requests.Limit("requests", fmt.Sprintf("HTTP requests, %d a second of one address", requestsPerSecond)),
		g.joins.Limit("joins", fmt.Sprintf("Joins, %d a second of one address", joinsPerSecond)),
		g.offers.Limit("offers", fmt.Sprintf("Offers and ICE restarts, %d a second of one address", offersPerSecond)),
	}
}
