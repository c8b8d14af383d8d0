package forward

import "sync/atomic"

// Totals counts what went through a node since it started, tracks that have
// ended included. Layers and streams share one. The zero value is ready.
type Totals struct {
	ReceivedPackets, ReceivedBytes atomic.Uint64
	SentPackets, SentBytes         atomic.Uint64 // no retransmissions
	Nacks, Retransmissions         atomic.Uint64
	// KeyframeRequests that went to publishers.
	KeyframeRequests atomic.Uint64
}
