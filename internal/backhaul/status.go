package backhaul

import (
	"cmp"
	"slices"
	"time"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Status is every trunk at this moment, by name, and those that were turned
// down lately.
func (b *Backhaul) Status(now time.Time) (trunks []*umbrellav1.TrunkStatus, refused []*umbrellav1.RefusedTrunk) {
	byName := map[string]*umbrellav1.TrunkStatus{}
	b.mu.Lock()
	for section, t := range b.trunks {
		st := t.status()
		byName[section] = st
		trunks = append(trunks, st)
	}
	for _, r := range b.refusals {
		refused = append(refused, &umbrellav1.RefusedTrunk{AtMs: r.At.UnixMilli(), Address: r.Address, Problem: r.Problem})
	}
	b.mu.Unlock()
	for _, l := range b.hub.connected() {
		if st := byName[l.trunk]; st != nil {
			ls := l.status(now)
			ls.Routes, ls.Refused = b.hub.routes(l)
			st.Links = append(st.Links, ls)
		}
	}
	for _, st := range trunks {
		slices.SortFunc(st.Links, func(a, b *umbrellav1.TrunkLink) int { return cmp.Compare(a.NodeId, b.NodeId) })
	}
	slices.SortFunc(trunks, func(a, b *umbrellav1.TrunkStatus) int { return cmp.Compare(a.Name, b.Name) })
	return trunks, refused
}

func (t *trunk) status() *umbrellav1.TrunkStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := &umbrellav1.TrunkStatus{Name: t.cfg.Section, Url: t.cfg.URL, Rooms: t.cfg.Rooms}
	if t.problem != nil {
		st.Problem = t.problem.Error()
		st.FailedAtMs, st.RetryAtMs = t.failed.UnixMilli(), t.retryAt.UnixMilli()
	}
	return st
}

func (h *hub) connected() []*link {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []*link
	for _, l := range h.links {
		list = append(list, l)
	}
	return list
}

// routes counts who is reached by a link, and says what was refused of what was
// announced over it.
func (h *hub) routes(l *link) (n uint32, refused string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.remotes {
		if r.link == l {
			n++
		}
	}
	return n, h.table.Refused(l.id()).String()
}

func (l *link) status(now time.Time) *umbrellav1.TrunkLink {
	out, in := l.media.Outgoing(now), l.media.Incoming(now)
	return &umbrellav1.TrunkLink{
		NodeId: string(l.peer), NodeName: l.name, Address: l.address, Media: l.media.Via(), SinceMs: l.since.UnixMilli(),
		RoundTripMs: float64(l.roundTrip.Load()) / float64(time.Millisecond),
		SentStreams: uint32(out.Streams), SentBitsPerSecond: out.BitsPerSecond,
		ReceivedStreams: uint32(in.Streams), ReceivedBitsPerSecond: in.BitsPerSecond,
		AvailableBitsPerSecond: l.media.Available(),
	}
}
