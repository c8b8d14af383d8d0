// Package forward is the hot path of the node: it takes RTP packets of one
// encoding in and sends them to every receiver that wants them.
//
// A [Layer] is one encoding of a track as it comes in. It keeps the last
// second or so of its packets in one history, which every receiver shares. A
// [Stream] is one m-line of one receiver: it owns the sequence numbers,
// timestamps and extensions that leave, and remembers only which packet of
// which layer each number stood for, so that a NACK is answered from the
// layer's history.
//
// The package knows RTP and no transport: a [Sender] takes what leaves.
package forward
