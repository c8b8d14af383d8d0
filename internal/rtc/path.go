package rtc

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"umbrella/internal/bandwidth"
	"umbrella/internal/forward"
)

// path is the way to one peer to which we send, as congestion control sees it.
type path struct {
	forward.Transport
	estimator *bandwidth.Estimator
	due       atomic.Bool   // the bandwidth is to be shared out anew
	wanted    atomic.Uint64 // bits per second that would be taken
	probing   atomic.Bool
	// repairs bounds what is sent again; the transport's inbound lock guards it.
	repairs budget
}

const (
	// repairShare of what the path carries is for what is sent again: who loses
	// more than half needs less at a time, not more.
	repairShare = 2
	// leastRepairs is for those with next to nothing, in bit/s.
	leastRepairs = 128_000
	// maxAsked is how many packets are looked for that one compound packet asks
	// for: as many as a stream knows.
	maxAsked = 1024
)

// nearRate is what the path to a receiver in the same house is thought to carry
// at first, in bit/s: any Wi-Fi does.
const nearRate = 10_000_000

// openRate is that of the path to a receiver that will tell nothing but its
// losses, in bit/s: all that it asks for is sent until those say otherwise.
const openRate = 100_000_000

// near tells an address that is not on the Internet.
func near(a netip.Addr) bool { return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() }

func (p *path) init() {
	p.estimator = bandwidth.NewEstimator()
	p.Sent, p.Unnumbered = p.estimator.Sent, p.estimator.SentUnnumbered
}

// streams finds the stream that sends under an SSRC, or nil.
type streams func(ssrc uint32) *forward.Stream

// feedback answers what a receiver says of what it gets. keyframe is called for
// a stream whose picture it has lost.
func (t *transport) feedback(packets []rtcp.Packet, now time.Time, find streams, p *path, keyframe func(*forward.Stream)) {
	resent, asked := false, 0
	for _, packet := range packets {
		switch packet := packet.(type) {
		case *rtcp.TransportLayerNack:
			if out := find(packet.MediaSSRC); out != nil {
				resent = p.resend(out, packet.Nacks, &asked, now) || resent
			}
		case *rtcp.PictureLossIndication:
			if out := find(packet.MediaSSRC); out != nil {
				keyframe(out)
			}
		case *rtcp.FullIntraRequest:
			for _, f := range packet.FIR {
				if out := find(f.SSRC); out != nil {
					keyframe(out)
				}
			}
		case *rtcp.ReceiverReport:
			p.reports(packet.Reports, now, find)
		case *rtcp.SenderReport:
			p.reports(packet.Reports, now, find)
		case *rtcp.TransportLayerCC:
			was := p.estimator.Target()
			p.estimator.Feedback(packet, now)
			if p.estimator.Target() < was {
				p.due.Store(true)
			}
		}
	}
	if resent {
		t.flush()
	}
}

// resend sends again what was asked for, as far as that is sane; asked counts
// over all of a compound packet.
func (p *path) resend(out *forward.Stream, pairs []rtcp.NackPair, asked *int, now time.Time) (resent bool) {
	p.repairs.bytesPerSecond = max(float64(p.estimator.Target())/repairShare, leastRepairs) / 8
	for _, pair := range pairs {
		more := true
		pair.Range(func(seq uint16) bool {
			*asked++
			more = *asked <= maxAsked && p.repairs.take(maxRTP, now)
			if more {
				size := out.Resend(seq, now)
				p.repairs.left += float64(maxRTP - size)
				resent = resent || size > 0
			}
			return more
		})
		if !more {
			break
		}
	}
	return resent
}

func (p *path) reports(list []rtcp.ReceptionReport, now time.Time, find streams) {
	loss, known := 0.0, false
	for _, r := range list {
		if out := find(r.SSRC); out != nil {
			out.HandleReport(r, now)
			loss, known = max(loss, float64(r.FractionLost)/256), true
		}
	}
	if known {
		p.estimator.Loss(loss, now)
	}
}

// report sends a sender report of each stream: it lets receivers play sound and
// picture in step, and tells us the round-trip time.
func (t *transport) report(list []*forward.Stream, now time.Time) {
	var reports []rtcp.Packet
	for _, out := range list {
		if sr, ok := out.SenderReport(now); ok {
			reports = append(reports, sr)
		}
	}
	if len(reports) == 0 {
		return
	}
	first := reports[0].(*rtcp.SenderReport).SSRC
	reports = append(reports, &rtcp.SourceDescription{
		Chunks: []rtcp.SourceDescriptionChunk{{Source: first, Items: []rtcp.SourceDescriptionItem{
			{Type: rtcp.SDESCNAME, Text: "umbrella"}}}},
	})
	// Lost like any packet when it cannot be sent.
	_ = t.sendRTCP(reports...)
}

// probe sends more than is needed for a moment, if congestion control wants to
// see whether the path carries more. best says which stream is repeated.
func (p *path) probe(now time.Time, best func() *forward.Stream, t *transport, owned *sync.WaitGroup) {
	if p.probing.Load() {
		return
	}
	probe, ok := p.estimator.Probe(now, p.wanted.Load())
	if !ok {
		return
	}
	out := best()
	if out == nil {
		return
	}
	p.probing.Store(true)
	owned.Go(func() {
		defer p.probing.Store(false)
		const step = 5 * time.Millisecond
		sent := 0
		for begin := time.Now(); time.Since(begin) < probe.Duration && t.open.Load(); time.Sleep(step) {
			due := probe.Due(time.Since(begin)+step) - sent
			if due <= 0 {
				continue
			}
			n := out.Probe(due, time.Now())
			if n == 0 {
				return
			}
			sent += n
			t.flush()
		}
	})
}
