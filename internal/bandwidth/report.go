package bandwidth

import (
	"iter"

	"github.com/pion/rtcp"
)

// Units of draft-holmer-rmcat-transport-wide-cc-extensions-01, in µs.
const referenceUnit = 64_000

// clock makes one line of time of the reference times of reports, which have 24
// bits.
type clock struct {
	newest int64
	begun  bool
}

// unwrap gives a reference time in µs.
func (c *clock) unwrap(reference uint32) int64 {
	if !c.begun {
		c.newest, c.begun = int64(reference&0xffffff), true
	}
	t := c.newest + int64(int32((reference-uint32(c.newest))<<8)>>8)
	c.newest = max(c.newest, t)
	return t * referenceUnit
}

// statuses lists what a report says of the packets from skip on, counted from
// its base, up to limit: whether they arrived, and when, in µs from the
// report's reference time. A report that says less than it promises ends early.
// The work is bounded by the size of the report, not by what it claims.
func statuses(f *rtcp.TransportLayerCC, skip, limit int) iter.Seq2[int, status] {
	return func(yield func(int, status) bool) {
		limit := min(limit, int(f.PacketStatusCount))
		at, next, at0 := 0, 0, int64(0)
		one := func(symbol uint16) bool {
			s := status{}
			switch symbol {
			case rtcp.TypeTCCPacketReceivedSmallDelta, rtcp.TypeTCCPacketReceivedLargeDelta:
				if next >= len(f.RecvDeltas) || f.RecvDeltas[next] == nil {
					return false
				}
				at0 += f.RecvDeltas[next].Delta
				next++
				s = status{arrived: true, timed: true, at: at0}
			case rtcp.TypeTCCPacketReceivedWithoutDelta:
				s = status{arrived: true}
			}
			at++
			return at <= skip || yield(at-1, s)
		}
		for _, chunk := range f.PacketChunks {
			switch c := chunk.(type) {
			case *rtcp.RunLengthChunk:
				n := int(c.RunLength)
				if c.PacketStatusSymbol == rtcp.TypeTCCPacketNotReceived && at+n <= skip {
					at += n
					continue
				}
				for range n {
					if at >= limit || !one(c.PacketStatusSymbol) {
						return
					}
				}
			case *rtcp.StatusVectorChunk:
				for _, symbol := range c.SymbolList {
					if at >= limit || !one(symbol) {
						return
					}
				}
			}
		}
	}
}

// status is what a report says of one packet.
type status struct {
	arrived bool
	timed   bool
	at      int64
}
