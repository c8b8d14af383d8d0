// Package routing finds out by which trunk each participant of other nodes is
// reached: path vectors, as between the networks of the Internet (RFC 4271), one
// for each participant. It knows no network, no clock and no goroutine: a Table
// is told what happened and asked what to do about it.
package routing

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// NodeID names a node: 16 hexadecimal digits in small letters.
type NodeID string

// ErrNodeID is returned for what is no NodeID.
var ErrNodeID = errors.New("a node's id is 16 hexadecimal digits in small letters")

// ParseNodeID reads a node's id. The error is ErrNodeID.
func ParseNodeID(s string) (NodeID, error) {
	if len(s) != 16 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", ErrNodeID
	}
	return NodeID(s), nil
}

// Key names a participant on all nodes.
type Key struct {
	Origin      NodeID // node at which it came in
	Participant string // id there
}

// MaxPath is how many nodes a path may have.
const MaxPath = 16

// MaxRTT is the longest round trip that is told apart; what is longer counts as
// this.
const MaxRTT = time.Hour

// Offer is what a node says of a participant that it can supply. Whoever gets
// one leaves Path as it is: tables share it.
type Offer[T any] struct {
	Key  Key
	Room string
	// Path is the nodes that the participant is reached by, 1 to MaxPath: first
	// the one that says so, last the origin.
	Path []NodeID
	// RTT is the sum of the round-trip times between the nodes of the path, as
	// they measured them.
	RTT time.Duration
	// Info is the participant as announced. Tables pass it on and do not look
	// into it.
	Info T
}

// sameWay tells whether two offers lead to the same place by the same nodes.
func (o *Offer[T]) sameWay(p *Offer[T]) bool {
	return o.Room == p.Room && slices.Equal(o.Path, p.Path)
}

// Route is how a participant is reached. Its RTT includes the trunk.
type Route[T any] struct {
	Offer[T]
	Trunk string
	// Alternatives is by how many other trunks it is reached too.
	Alternatives int
}

// What a route has to be better by than the one in use, if it is as long: round
// trips waver, and each change costs a keyframe.
const (
	betterBy      = 20 * time.Millisecond
	betterPercent = 20
	// guessedRTT is what others are told of a trunk that was not measured yet: so
	// much that nothing changes when it turns out to be near.
	guessedRTT = betterBy - time.Millisecond
)

// clearlyLess tells whether a round trip is shorter than another by more than
// they waver.
func clearlyLess(a, b time.Duration) bool {
	return b-a >= betterBy && (b-a)*100 >= b*betterPercent
}

// farApart tells whether either of two round trips is clearly less.
func farApart(a, b time.Duration) bool { return clearlyLess(a, b) || clearlyLess(b, a) }

// bounded makes a round-trip time one that can be added and compared.
func bounded(rtt time.Duration) time.Duration { return min(max(rtt, 0), MaxRTT) }
