package backhaul

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/clock"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Status is every trunk at this moment, by name, and those that were turned
// down lately.
func (b *Backhaul) Status(now time.Time) (trunks []*umbrellav1.TrunkStatus, refused []*umbrellav1.RefusedTrunk) {
	b.mu.Lock()
	all := maps.Clone(b.trunks)
	b.mu.Unlock()
	byName := map[string]*umbrellav1.TrunkStatus{}
	for section, t := range all {
		st := t.status(now)
		byName[section] = st
		trunks = append(trunks, st)
	}
	for _, r := range b.door.list() {
		refused = append(refused, &umbrellav1.RefusedTrunk{
			AtMs: clock.Shown(r.At, now), Address: r.Address, Problem: r.Problem, Times: uint32(r.Times),
		})
	}
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

func (t *trunk) status(now time.Time) *umbrellav1.TrunkStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := &umbrellav1.TrunkStatus{Name: t.cfg.Section, Url: t.cfg.URL, Rooms: t.cfg.Rooms}
	if t.problem != nil {
		st.Problem = t.problem.Error()
		st.FailedAtMs, st.RetryAtMs = clock.Shown(t.failed, now), clock.Shown(t.retryAt, now)
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
		NodeId: string(l.peer), NodeName: l.name, Address: l.address, Media: l.media.Via(), SinceMs: clock.Shown(l.since, now),
		RoundTripMs: float64(l.roundTrip.Load()) / float64(time.Millisecond),
		SentStreams: uint32(out.Streams), SentBitsPerSecond: out.BitsPerSecond,
		ReceivedStreams: uint32(in.Streams), ReceivedBitsPerSecond: in.BitsPerSecond,
		AvailableBitsPerSecond: l.media.Available(),
	}
}

// maxWays bounds how many are told: neighbours can claim any number.
const maxWays = 256

// Ways is which nodes are joined, as far as it is known, and by which nodes each
// participant of another node comes, the nearest first.
func (b *Backhaul) Ways() (ways []*umbrellav1.NodeWay, paths map[*sfu.Participant][]string) {
	h := b.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	known := map[[2]string]*umbrellav1.NodeWay{}
	join := func(a, b routing.NodeID, used bool) {
		pair := [2]string{string(min(a, b)), string(max(a, b))}
		w := known[pair]
		if w == nil {
			if len(known) >= maxWays {
				return
			}
			w = &umbrellav1.NodeWay{A: pair[0], B: pair[1]}
			known[pair] = w
		}
		w.Used = w.Used || used
	}
	for _, l := range h.links {
		join(b.id, l.peer, false)
	}
	h.table.Ways(func(path []routing.NodeID, used bool) {
		last := b.id
		for _, node := range path {
			join(last, node, used)
			last = node
		}
	})
	for _, w := range known {
		ways = append(ways, w)
	}
	slices.SortFunc(ways, func(a, b *umbrellav1.NodeWay) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) })
	paths = map[*sfu.Participant][]string{}
	for _, r := range h.remotes {
		for _, node := range r.path {
			paths[r.participant] = append(paths[r.participant], string(node))
		}
	}
	return ways, paths
}
